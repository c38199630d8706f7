# A right client that takes a fresh socket, and so another port, for each try.
# check: cmpu-udp-echo --client "python3 {file} {port} {message}"
import socket
import sys

server = ("127.0.0.1", int(sys.argv[1]))
message = sys.argv[2].encode()


def ask():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.7)
        client.connect(server)
        client.send(message)
        while not (answer := client.recv(65535)):
            pass
        return answer


print(f"Sending {sys.argv[2]}")
for attempt in range(4):
    try:
        print(f"received {ask().decode()}")
        break
    except OSError:
        pass
else:
    sys.exit("no echo came")
