# Keeps quiet when the same message comes from the same client again.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: sent-again udp-drops-copies
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
last = None
while True:
    message, client = server.recvfrom(65535)
    print(f"received {len(message)} bytes from {client}")
    if (message, client) != last:
        server.sendto(message, client)
    last = message, client
