"""Sends `Hello, world` to the echo server and shows what comes back.

Rust:       src/main.rs
Terminal 1: python3 crates/codio-echo-server/twin.py
Terminal 2: python3 crates/codio-echo-client/twin.py
"""

import argparse
import socket
import sys

BUFFER_SIZE = 1024
MESSAGE = b"Hello, world"


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=65432)
    args = parser.parse_args()

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        # 2. Connect to the server: TCP's handshake
        server.connect((args.host, args.port))

        # 3. Send the message
        server.sendall(MESSAGE)

        # 4. Receive the answer: whatever one recv gives
        answer = server.recv(BUFFER_SIZE)
        if not answer:
            sys.exit("the server closed the connection without an answer")
        print(f"Received {answer!r}")
    # endregion: exercise


main()
