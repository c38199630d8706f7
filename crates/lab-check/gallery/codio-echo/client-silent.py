# A client that hears its answer and prints nothing.
# check: codio-echo --client "python3 {file} {port}"
# fails: prints not-printed
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(b"Hello, world")
    data = server.recv(1024)
