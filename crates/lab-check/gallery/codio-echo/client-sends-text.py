# A client that sends text instead of bytes: sendall raises a TypeError.
# check: codio-echo --client "python3 {file} {port}"
# fails: sends crashes
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall("Hello, world")
    data = server.recv(1024)
print(f"Received {data!r}")
