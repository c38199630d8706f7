// A right client that asks for host, port and message with a Scanner.
// check: codio-echo --client "java -cp {file} Main"
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Scanner;

class Main {
    public static void main(String[] args) throws Exception {
        Scanner keyboard = new Scanner(System.in);
        System.out.print("Hostname: ");
        String host = keyboard.nextLine();
        System.out.print("Port: ");
        int port = Integer.parseInt(keyboard.nextLine());
        try (Socket server = new Socket(host, port)) {
            System.out.println("Enter your message:");
            server.getOutputStream().write(keyboard.nextLine().getBytes(StandardCharsets.UTF_8));
            InputStream in = server.getInputStream();
            byte[] answer = new byte[1024];
            int count = in.read(answer);
            if (count < 0) {
                System.err.println("no answer");
                System.exit(1);
            }
            System.out.println("Server: " + new String(answer, 0, count, StandardCharsets.UTF_8));
        }
    }
}
