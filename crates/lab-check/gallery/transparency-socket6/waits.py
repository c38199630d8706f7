# Waits for more after the thanks, and never looks whether the server has closed.
# check: transparency-socket6 --client "python3 {file} {port}"
# fails: prints spins
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    thanks = server.recv(1024)
    if not thanks:
        sys.exit("the server left without a word")
    print(thanks)
    while True:
        server.recv(1024)
