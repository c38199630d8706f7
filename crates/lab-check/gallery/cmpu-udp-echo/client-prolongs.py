# Sets its time limit once: each datagram that is not the echo starts it again.
# check: cmpu-udp-echo --client "python3 {file} {port} {message}"
# fails: wrong-datagrams udp-prolongs
import socket
import sys

server = ("127.0.0.1", int(sys.argv[1]))
message = sys.argv[2].encode()


def echo(client):
    client.settimeout(0.5)
    for attempt in range(4):
        client.send(message)
        try:
            while (answer := client.recv(65535)) != message:
                pass
            return answer
        except TimeoutError:
            pass
    sys.exit("no echo came")


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.connect(server)
    print(f"Sending {sys.argv[2]}")
    answer = echo(client)
    print(f"received {answer.decode()}")
