# Has room for 300 bytes of a datagram.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: same-bytes udp-truncates
# fails: sheets-buffer udp-truncates
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("127.0.0.1", int(sys.argv[1])))
    while True:
        message, client = server.recvfrom(300)
        server.sendto(message, client)
