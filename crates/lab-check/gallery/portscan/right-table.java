// A right answer in Java: a table with a mark for every port, and no word for open.
// check: portscan --program "java -cp {file} Scanner {host} {first} {last}"
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;

class Scanner {
    public static void main(String[] args) {
        System.out.println("port   answer");
        for (int port = Integer.parseInt(args[1]); port <= Integer.parseInt(args[2]); port++) {
            boolean answers = false;
            try (Socket probe = new Socket()) {
                probe.connect(new InetSocketAddress(args[0], port), 300);
                answers = true;
            } catch (IOException error) {
                answers = false;
            }
            System.out.printf("%5d  %s%n", port, answers ? "yes" : "-");
        }
    }
}
