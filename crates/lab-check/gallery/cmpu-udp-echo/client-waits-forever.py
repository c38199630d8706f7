# Sets no time limit: when the message or its echo is lost, it waits forever.
# check: cmpu-udp-echo --client "python3 {file} {port} {message}"
# fails: lost udp-waits-for-ever
import socket
import sys
import time

server = ("127.0.0.1", int(sys.argv[1]))
message = sys.argv[2].encode()


def echo(client):
    for attempt in range(4):
        client.send(message)
        deadline = time.monotonic() + 0.5
        while (left := deadline - time.monotonic()) > 0:
            try:
                answer = client.recv(65535)
            except TimeoutError:
                break
            if answer == message:
                return answer
    sys.exit("no echo came")


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.connect(server)
    print(f"Sending {sys.argv[2]}")
    answer = echo(client)
    print(f"received {answer.decode()}")
