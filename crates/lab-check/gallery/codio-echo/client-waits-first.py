# A client that waits for the server to speak first.
# check: codio-echo --client "python3 {file} {port}"
# fails: sends wrong-order
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    greeting = server.recv(1024)
    server.sendall(b"Hello, world")
    data = server.recv(1024)
print(f"Received {data!r}")
