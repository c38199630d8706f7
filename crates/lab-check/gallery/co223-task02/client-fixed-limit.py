# A client that reads at most 64 KiB.
# check: co223-task02 --client "python3 {file} {port}"
# fails: large reads-once
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    message = b""
    while len(message) < 65536:
        piece = server.recv(1024)
        if not piece:
            break
        message += piece
print(message.decode(errors="replace"))
