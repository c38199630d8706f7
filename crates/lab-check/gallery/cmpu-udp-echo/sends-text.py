# Gives sendto a str, which takes bytes: the first datagram ends the program.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: whole crashes
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    message, client = server.recvfrom(65535)
    print(f"received {len(message)} bytes from {client}")
    server.sendto(message.decode(errors="replace"), client)
