# A right client, as the sheet has it.
# check: codio-echo --client "python3 {file} {port}"
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(b"Hello, world")
    data = server.recv(1024)
print(f"Received {data!r}")
