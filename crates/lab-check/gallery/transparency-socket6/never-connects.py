# Waits on its own socket instead of connecting.
# check: transparency-socket6 --client "python3 {file} {port}"
# fails: prints never-connects
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    thanks = server.recv(1024)
    if not thanks:
        sys.exit("the server left without a word")
    print(thanks)
