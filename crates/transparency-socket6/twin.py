"""Connects to the server of transparency-socket5 and shows its thanks.

Rust:       src/main.rs
Terminal 1: python3 crates/transparency-socket5/twin.py
Terminal 2: python3 crates/transparency-socket6/twin.py
"""

import argparse
import socket
import sys

BUFFER_SIZE = 1024


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=12345)
    args = parser.parse_args()

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        # 2. Connect to the server: TCP's handshake
        server.connect((args.host, args.port))

        # 3. Receive the message: whatever one recv gives
        message = server.recv(BUFFER_SIZE)
        if not message:
            sys.exit("the server closed the connection without a message")
        print(message)
    # endregion: exercise


main()
