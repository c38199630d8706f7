# Has its socket, and then waits forever.
# check: transparency-socket1 --program "python3 {file}"
# fails: ends hangs
import socket
import time

with socket.socket(socket.AF_INET, socket.SOCK_STREAM):
    while True:
        time.sleep(1)
