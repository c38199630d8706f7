# Listens, but never calls accept.
# check: transparency-socket5 --server "python3 {file} {port}"
# fails: whole never-accepts
import socket
import sys
import time

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", int(sys.argv[1])))
    listener.listen(5)
    while True:
        time.sleep(1)
