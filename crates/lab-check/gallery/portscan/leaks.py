# Keeps all its sockets open, and takes what goes wrong then for closed ports.
# check: portscan --program "python3 {file} {host} {ports}"
# fails: few-descriptors scan-leaks
import socket
import sys

host = sys.argv[1]
first, last = (int(port) for port in sys.argv[2].split("-"))
probes = []
for port in range(first, last + 1):
    try:
        probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        probes.append(probe)
        probe.settimeout(1)
        probe.connect((host, port))
        print(f"{port} open")
    except OSError:
        pass
