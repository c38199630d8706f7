# Calls connect with its first client's address: from then on no other client is heard.
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
