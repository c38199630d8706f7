# Binds its socket and waits, but never calls recvfrom.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: whole udp-not-received
import socket
import sys
import time

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    time.sleep(1)
