# Calls recv again and again until something comes, also when the server has left.
# check: transparency-socket6 --client "python3 {file} {port}"
# fails: server-leaves spins
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    thanks = server.recv(1024)
    while not thanks:
        thanks = server.recv(1024)
    print(thanks)
