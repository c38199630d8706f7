# A client that binds its socket to the server's address, which is taken, and never connects.
# check: co223-task01 --client "python3 {file} {port}"
# fails: connects cannot-bind
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.bind(("127.0.0.1", int(sys.argv[1])))
