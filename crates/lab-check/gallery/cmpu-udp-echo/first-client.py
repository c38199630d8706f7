# Keeps the address of its first client, and answers everybody there.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: goes-on udp-wrong-client
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
first = None
while True:
    message, client = server.recvfrom(65535)
    print(f"received {len(message)} bytes from {client}")
    first = first or client
    server.sendto(message, first)
