# Has no time limit: a port that does not answer holds it up for two minutes.
# check: portscan --program "python3 {file} {host} {ports}"
# fails: no-answer scan-no-timeout
import socket
import sys

host = sys.argv[1]
first, last = (int(port) for port in sys.argv[2].split("-"))
for port in range(first, last + 1):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if probe.connect_ex((host, port)) == 0:
            print(f"{port} open")
