"""Connects to the server and ends.

Rust:       src/main.rs
Terminal 1: python3 crates/co223-task01-server/twin.py
Terminal 2: python3 crates/co223-task01-client/twin.py
"""

import argparse
import socket


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default=socket.gethostname())
    parser.add_argument("--port", type=int, default=1234)
    args = parser.parse_args()

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        # 2. Connect to the server: TCP's handshake
        server.connect((args.host, args.port))
    # endregion: exercise


main()
