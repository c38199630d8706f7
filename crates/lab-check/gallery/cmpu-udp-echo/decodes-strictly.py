# Turns each datagram into text to print it: bytes that are not valid UTF-8 end the program.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: same-bytes dies-on-bytes
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    message, client = server.recvfrom(65535)
    print(f"received {message.decode()} from {client}")
    server.sendto(message, client)
