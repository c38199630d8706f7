# A right answer: many ports at a time, each thread with one socket.
# check: portscan --program "python3 {file} {host} {first} {last}"
import socket
import sys
from concurrent.futures import ThreadPoolExecutor


def is_open(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((sys.argv[1], port)) == 0


ports = range(int(sys.argv[2]), int(sys.argv[3]) + 1)
with ThreadPoolExecutor(32) as pool:
    print("Open ports:", [port for port, found in zip(ports, pool.map(is_open, ports)) if found])
