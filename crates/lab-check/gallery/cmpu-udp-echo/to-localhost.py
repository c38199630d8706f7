# Answers to 127.0.0.1 always, with the port of the sender: clients elsewhere hear nothing.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: other-address udp-wrong-client
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    message, client = server.recvfrom(65535)
    print(f"received {len(message)} bytes from {client}")
    server.sendto(message, ("127.0.0.1", client[1]))
