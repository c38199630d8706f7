# Asks the system to report ICMP errors (Windows does it unasked), and does not catch them: an
# answer to a client that has gone ends the server.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: gone-client udp-icmp
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    message, client = server.recvfrom(65535)
    print(f"received {len(message)} bytes from {client}")
    server.sendto(message, client)
