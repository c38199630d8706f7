# Prints the line for closed ports after the one for open ports as well.
# check: portscan --program "python3 {file} {host} {first} {last}"
# fails: finds scan-both
import socket
import sys

host, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for port in range(first, last + 1):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.3)
        if probe.connect_ex((host, port)) == 0:
            print(f"port {port} is open")
        print(f"port {port} is closed")
