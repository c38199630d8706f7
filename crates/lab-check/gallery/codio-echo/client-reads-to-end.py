# A client that reads until the server closes, which waits for its next message.
# check: codio-echo --client "python3 {file} {port}"
# fails: prints waits-for-the-end
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(b"Hello, world")
    data = b""
    while piece := server.recv(1024):
        data += piece
print(f"Received {data!r}")
