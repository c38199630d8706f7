"""Scans the TCP ports of this machine: the scanner that a student writes first.

Terminal 1:  python3 -m http.server 8000 --bind 127.0.0.1
Terminal 2:  python3 crates/portscan/twin.py [HOST] [--ports FIRST-LAST]

The Rust program (cargo run -p portscan) does the same, and more.
Its README says what this one cannot know.
"""

import argparse
import socket
from concurrent.futures import ThreadPoolExecutor

THREADS = 64
TIMEOUT = 1.0  # seconds


def is_open(host: str, port: int) -> bool:
    """connect_ex gives 0 for an open port, and an error number for a closed or a silent one.
    An error of our own machine looks like a closed port here."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.settimeout(TIMEOUT)
        return s.connect_ex((host, port)) == 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("host", nargs="?", default="127.0.0.1")
    parser.add_argument("--ports", default="1-65535")
    args = parser.parse_args()

    # 1. What is to be scanned
    # The host is resolved once, not once a port.
    address = socket.gethostbyname(args.host)
    first, last = (int(port) for port in args.ports.split("-"))

    # 2. The scan
    # Many ports at a time.
    ports = range(first, last + 1)
    with ThreadPoolExecutor(THREADS) as pool:
        results = pool.map(lambda port: is_open(address, port), ports)

        # 3. The report
        for port, found in zip(ports, results):
            if found:
                print(f"{port} open")


if __name__ == "__main__":
    main()
