# A client that says hello before it reads to the end, although the server does not read that.
# check: co223-task02 --client "python3 {file} {port}"
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(b"hello")
    message = b""
    while piece := server.recv(64):
        message += piece
print(message.decode())
