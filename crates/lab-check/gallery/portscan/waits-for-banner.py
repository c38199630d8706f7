# Takes a port for open only when its service speaks first.
# check: portscan --program "python3 {file} {host} {ports}"
# fails: finds scan-nothing
import socket
import sys

host = sys.argv[1]
first, last = (int(port) for port in sys.argv[2].split("-"))
for port in range(first, last + 1):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect((host, port))
            if probe.recv(100):
                print(f"{port} open")
        except OSError:
            pass
