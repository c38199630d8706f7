"""Finds a web server's address and connects to it.

Rust:       src/main.rs
Terminal 1: python3 crates/transparency-socket3/twin.py
"""

import argparse
import socket
import sys


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="www.google.co.uk")
    parser.add_argument("--port", type=int, default=80)
    args = parser.parse_args()

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        print("Socket Created")

        # 2. Resolve the host name: the system asks its hosts file, then a name server
        try:
            ip = socket.gethostbyname(args.host)
        except OSError as error:
            print("Hostname could not be resolved. Exiting")
            sys.exit(f"cannot resolve the host name {args.host}: {error}")
        print(f"Ip address of {args.host} is {ip}")

        # 3. Connect to the web server: TCP's handshake
        server.connect((ip, args.port))
        print(f"Socket Connected to {args.host} on ip {ip}")
    # endregion: exercise


main()
