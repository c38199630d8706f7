# A right client that ends its direction after its message, and reads until the server closes.
# check: codio-echo --client "python3 {file} {port}"
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(b"Hello, world")
    server.shutdown(socket.SHUT_WR)
    echo = b""
    while piece := server.recv(1024):
        echo += piece
if not echo:
    sys.exit("the server left without an answer")
print("Received", echo)
