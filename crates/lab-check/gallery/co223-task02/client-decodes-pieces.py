# A client that decodes each piece by itself.
# check: co223-task02 --client "python3 {file} {port}"
# fails: cut-character decodes-pieces
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    message = ""
    while True:
        piece = server.recv(1024)
        if not piece:
            break
        message += piece.decode(errors="replace")
print(message)
