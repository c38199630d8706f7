# A right client without connect: it looks at the sender of each datagram itself.
# check: cmpu-udp-echo --client "python3 {file} {port} {message}"
import socket
import sys
import time

server = ("127.0.0.1", int(sys.argv[1]))
message = sys.argv[2].encode()


def echo(client):
    for attempt in range(4):
        client.sendto(message, server)
        deadline = time.monotonic() + 0.5
        while (left := deadline - time.monotonic()) > 0:
            client.settimeout(left)
            try:
                answer, sender = client.recvfrom(65535)
            except TimeoutError:
                break
            if sender == server and answer == message:
                return answer
    sys.exit("no echo came")


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    print(f"Sending {sys.argv[2]}")
    answer = echo(client)
    print(f"received {answer.decode()}")
