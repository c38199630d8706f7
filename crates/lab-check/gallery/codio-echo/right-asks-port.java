// A right answer that asks for the port on which to listen, and says all that it does.
// check: codio-echo --server "java -cp {file} Main"
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Scanner;

class Main {
    public static void main(String[] args) throws IOException {
        System.out.print("Enter the port number: ");
        int port = new Scanner(System.in).nextInt();
        try (ServerSocket listener = new ServerSocket(port)) {
            System.out.println("Server started, waiting for a client ...");
            try (Socket client = listener.accept()) {
                System.out.println("Client connected: " + client.getRemoteSocketAddress());
                byte[] piece = new byte[1024];
                int count;
                while ((count = client.getInputStream().read(piece)) != -1) {
                    System.out.println("received " + count + " bytes");
                    client.getOutputStream().write(piece, 0, count);
                }
            } catch (IOException error) {
                System.out.println("the client is gone: " + error.getMessage());
            }
        }
    }
}
