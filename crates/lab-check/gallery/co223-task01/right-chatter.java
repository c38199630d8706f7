// A right answer in Java that says in its own words what it does, before and after.
// check: co223-task01 --server "java -cp {file} Main {port}"
import java.net.ServerSocket;
import java.net.Socket;

class Main {
    public static void main(String[] args) throws Exception {
        try (ServerSocket listener = new ServerSocket(Integer.parseInt(args[0]))) {
            System.out.println("[*] Server is up. Waiting for clients");
            for (int number = 1; ; number++) {
                System.out.print("[*] ... ");
                Socket client = listener.accept();
                System.out.println("client #" + number + " -> " + client.getInetAddress() + ":" + client.getPort());
                client.close();
            }
        }
    }
}
