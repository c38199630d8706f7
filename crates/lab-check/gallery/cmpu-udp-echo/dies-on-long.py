# Checks the length of a message with an assert, and so ends with the first one that is too long.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: longest udp-dies-on-datagram
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    message, client = server.recvfrom(65535)
    assert len(message) <= 4096, "the message is too long"
    print(f"received {len(message)} bytes from {client}")
    server.sendto(message, client)
