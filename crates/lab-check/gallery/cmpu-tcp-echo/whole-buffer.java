// A server in Java that sends its whole buffer back, and not only the part that was filled.
// check: cmpu-tcp-echo --server "java -cp {file} EchoServer {port}"
// fails: whole whole-buffer
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

class EchoServer {
    public static void main(String[] args) throws IOException {
        int port = Integer.parseInt(args[0]);
        try (ServerSocket listener = new ServerSocket(port, 5, InetAddress.getLoopbackAddress())) {
            while (true) {
                try (Socket connection = listener.accept()) {
                    byte[] buffer = new byte[2048];
                    if (connection.getInputStream().read(buffer) > 0) {
                        connection.getOutputStream().write(buffer);
                    }
                } catch (IOException error) {
                    System.err.println(error.getMessage());
                }
            }
        }
    }
}
