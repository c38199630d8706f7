# A right client: reads to the end of the connection, and decodes once.
# check: co223-task02 --client "python3 {file} {port}"
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    message = b""
    while True:
        piece = server.recv(1024)
        if not piece:
            break
        message += piece
print(message.decode(errors="replace"))
