# A client that takes a piece shorter than its buffer for the end of the message.
# check: co223-task02 --client "python3 {file} {port}"
# fails: pieces one-recv
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    message = b""
    while True:
        piece = server.recv(1024)
        message += piece
        if len(piece) < 1024:
            break
print(message.decode(errors="replace"))
