# Makes a copy of its socket for each datagram and never closes it.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: many udp-leaks-descriptors
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
copies = []
while True:
    message, client = server.recvfrom(65535)
    print(f"received {len(message)} bytes from {client}")
    copies.append(server.dup())
    copies[-1].sendto(message, client)
