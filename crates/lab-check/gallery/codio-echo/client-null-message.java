// A client in Java that takes its message from a variable that is not set: a NullPointerException.
// check: codio-echo --client "java -cp {file} Client {port}"
// fails: sends crashes
import java.net.Socket;

class Client {
    public static void main(String[] args) throws Exception {
        String message = System.getenv("LAB_NO_SUCH_VARIABLE");
        try (Socket server = new Socket("127.0.0.1", Integer.parseInt(args[0]))) {
            server.getOutputStream().write(message.getBytes());
            byte[] data = new byte[1024];
            int count = server.getInputStream().read(data);
            System.out.println("Received " + new String(data, 0, count));
        }
    }
}
