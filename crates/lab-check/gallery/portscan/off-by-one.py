# Leaves the last port out: range ends before its end.
# check: portscan --program "python3 {file} {host} {ports}"
# fails: ends-of-range scan-edges
import socket
import sys

host = sys.argv[1]
first, last = (int(port) for port in sys.argv[2].split("-"))
for port in range(first, last):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        if probe.connect_ex((host, port)) == 0:
            print(f"{port} open")
