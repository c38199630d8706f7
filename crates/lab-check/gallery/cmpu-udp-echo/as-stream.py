# Collects what comes until nothing more does, as if it were pieces of a stream.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: each-alone udp-as-stream
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    server.settimeout(None)
    message, client = server.recvfrom(65535)
    try:
        server.settimeout(0.05)
        while True:
            piece, client = server.recvfrom(65535)
            message += piece
    except TimeoutError:
        pass
    server.sendto(message, client)
