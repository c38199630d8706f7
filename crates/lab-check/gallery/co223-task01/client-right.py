# A right client: connects, and ends.
# check: co223-task01 --client "python3 {file} {port}"
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
