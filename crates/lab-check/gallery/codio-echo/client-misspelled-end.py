# A client that does its work, and then calls a method that does not exist.
# check: codio-echo --client "python3 {file} {port}"
# fails: prints crashes-after-its-work
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.connect(("127.0.0.1", int(sys.argv[1])))
server.sendall(b"Hello, world")
print(f"Received {server.recv(1024)!r}")
server.end()
