# A client that decodes each piece by itself.
# check: co223-task03 --client "python3 {file} {port} {message}"
# fails: cut-character decodes-pieces
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    message = sys.argv[2].encode()
    server.sendall(message)
    echo = ""
    received = 0
    while received < len(message):
        piece = server.recv(1024)
        if not piece:
            sys.exit("the server left before all of the echo had come")
        echo += piece.decode(errors="replace")
        received += len(piece)
print(echo)
