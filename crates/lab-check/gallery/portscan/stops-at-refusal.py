# Ends with the first port that is closed, after it has said nothing about the open ones behind it.
# check: portscan --program "python3 {file} {host} {ports}"
# fails: finds crashes
import socket
import sys

host = sys.argv[1]
first, last = (int(port) for port in sys.argv[2].split("-"))
for port in range(first, last + 1):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        probe.connect((host, port))
        print(f"{port} open")
