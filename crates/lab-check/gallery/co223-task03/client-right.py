# A right client: reads until as much has come back as it sent.
# check: co223-task03 --client "python3 {file} {port} {message}"
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    message = sys.argv[2].encode()
    server.sendall(message)
    echo = b""
    while len(echo) < len(message):
        piece = server.recv(1024)
        if not piece:
            sys.exit("the server left before all of the echo had come")
        echo += piece
print(echo.decode(errors="replace"))
