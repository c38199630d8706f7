# Asks a socket that does not block, again and again.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: at-rest udp-spins
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
server.setblocking(False)
while True:
    try:
        message, client = server.recvfrom(65535)
    except BlockingIOError:
        continue
    print(f"received {len(message)} bytes from {client}")
    server.sendto(message, client)
