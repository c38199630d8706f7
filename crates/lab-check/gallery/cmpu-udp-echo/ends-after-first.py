# Has no loop: it ends after its first datagram.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: goes-on udp-first-only
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
message, client = server.recvfrom(65535)
print(f"received {len(message)} bytes from {client}")
server.sendto(message, client)
