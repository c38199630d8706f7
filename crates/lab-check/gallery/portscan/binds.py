# Takes a port that it cannot bind for an open one.
# check: portscan --program "python3 {file} {host} {ports}"
# fails: not-listening scan-binds
import socket
import sys

host = sys.argv[1]
first, last = (int(port) for port in sys.argv[2].split("-"))
for port in range(first, last + 1):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.bind((host, port))
        except OSError:
            print(f"{port} open")
