# Calls connect with its first client's address: nobody else is let in any more.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: goes-on udp-first-only
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    message, client = server.recvfrom(65535)
    print(f"received {len(message)} bytes from {client}")
    server.connect(client)
    server.send(message)
