// Sends the first word of its message only.
// check: cmpu-tcp-echo --client "java -cp {file} Main localhost {port} {message}"
// fails: sends wrong-answer
import java.io.InputStream;
import java.net.Socket;
import java.util.Scanner;

class Main {
    public static void main(String[] args) throws Exception {
        String message = new Scanner(args[2]).next();
        try (Socket server = new Socket(args[0], Integer.parseInt(args[1]))) {
            server.getOutputStream().write(message.getBytes());
            InputStream in = server.getInputStream();
            for (int got = 0; got < message.length(); got++) {
                int letter = in.read();
                if (letter < 0) System.exit(1);
                System.out.print((char) letter);
            }
            System.out.println();
        }
    }
}
