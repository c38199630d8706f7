# A client that waits for a word of the server, who has none to say.
# check: co223-task01 --client "python3 {file} {port}"
# fails: connects spins
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    while True:
        server.recv(1024)
