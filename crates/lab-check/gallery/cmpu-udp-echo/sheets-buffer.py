# A right answer with the sheet's buffer of 2,048 bytes, which does not echo empty datagrams.
# check: cmpu-udp-echo --server "python3 {file} {port}"
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    message, client = server.recvfrom(2048)
    print(f"received {len(message)} bytes from {client}")
    if message:
        server.sendto(message, client)
