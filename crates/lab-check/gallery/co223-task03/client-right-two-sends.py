# A right client that sends its own message with two calls, one right after the other.
# check: co223-task03 --client "python3 {file} {port}"
import socket
import sys

parts = [b"Hello, ", b"server!"]
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server.sendall(parts[0])
    server.sendall(parts[1])
    echo = b""
    while len(echo) < sum(map(len, parts)):
        piece = server.recv(1024)
        if not piece:
            sys.exit("the server left before all of the echo had come")
        echo += piece
print(echo.decode(errors="replace"))
