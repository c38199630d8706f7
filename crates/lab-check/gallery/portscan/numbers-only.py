# Takes its host for an address, never for a name.
# check: portscan --program "python3 {file} {host} {ports}"
# fails: by-name scan-name
import ipaddress
import socket
import sys

host = str(ipaddress.ip_address(sys.argv[1]))
first, last = (int(port) for port in sys.argv[2].split("-"))
for port in range(first, last + 1):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        if probe.connect_ex((host, port)) == 0:
            print(f"{port} open")
