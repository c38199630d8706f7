# Takes an empty datagram for the end, as with TCP.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: empty udp-empty-is-end
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    message, client = server.recvfrom(65535)
    if not message:
        break
    print(f"received {len(message)} bytes from {client}")
    server.sendto(message, client)
