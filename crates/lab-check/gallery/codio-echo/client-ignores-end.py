# A client that takes an empty recv for "nothing yet", and an error as well.
# check: codio-echo --client "python3 {file} {port}"
# fails: server-leaves spins
# fails: server-resets spins
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(b"Hello, world")
    data = b""
    while not data:
        try:
            data = server.recv(1024)
        except OSError as error:
            print(error, file=sys.stderr)
print(f"Received {data!r}")
