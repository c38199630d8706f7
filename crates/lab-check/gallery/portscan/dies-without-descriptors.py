# Keeps all its sockets open until the system gives it no more, and ends there.
# check: portscan --program "python3 {file} {host} {ports}"
# fails: few-descriptors scan-leaks
import socket
import sys

host = sys.argv[1]
first, last = (int(port) for port in sys.argv[2].split("-"))
probes = []
for port in range(first, last + 1):
    probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    probes.append(probe)
    probe.settimeout(1)
    if probe.connect_ex((host, port)) == 0:
        print(f"{port} open")
