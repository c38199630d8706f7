// A right client in Java that asks for the server's address and a sentence.
// check: cmpu-udp-echo --client "java -cp {file} Main"
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Scanner;

class Main {
    public static void main(String[] args) throws Exception {
        Scanner keyboard = new Scanner(System.in);
        System.out.print("Server IP address: ");
        String host = keyboard.next();
        System.out.print("Server port number: ");
        int port = keyboard.nextInt();
        keyboard.nextLine();
        System.out.print("Input sentence: ");
        byte[] message = keyboard.nextLine().getBytes(StandardCharsets.UTF_8);
        try (DatagramSocket client = new DatagramSocket()) {
            client.connect(new InetSocketAddress(host, port));
            client.setSoTimeout(500);
            byte[] buffer = new byte[65536];
            for (int attempt = 0; attempt < 4; attempt++) {
                client.send(new DatagramPacket(message, message.length));
                try {
                    for (int wrong = 0; wrong < 10; wrong++) {
                        DatagramPacket echo = new DatagramPacket(buffer, buffer.length);
                        client.receive(echo);
                        if (Arrays.equals(message, Arrays.copyOf(buffer, echo.getLength()))) {
                            System.out.println("Echo: " + new String(message, StandardCharsets.UTF_8));
                            return;
                        }
                    }
                } catch (SocketTimeoutException again) {
                    // Sent once more.
                }
            }
        }
        System.err.println("no echo came");
        System.exit(1);
    }
}
