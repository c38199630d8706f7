# Connects one socket to port after port, without a time limit: it reports the first open port.
# check: portscan --program "python3 {file} {host} {first} {last}"
# fails: finds scan-misses
import socket
import sys

host, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
for port in range(first, last + 1):
    if sock.connect_ex((host, port)) == 0:
        print(f"Port {port}: Open")
sock.close()
