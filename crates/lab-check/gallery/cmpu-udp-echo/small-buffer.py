# Gives recvfrom room for 1,024 bytes: the rest of a longer datagram is lost.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: sheets-buffer udp-truncates
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    message, client = server.recvfrom(1024)
    print(f"received {len(message)} bytes from {client}")
    server.sendto(message, client)
