"""Reads the server's message to its end and shows it.

Rust:       src/main.rs
Terminal 1: python3 crates/co223-task02-server/twin.py
Terminal 2: python3 crates/co223-task02-client/twin.py
"""

import argparse
import socket
import sys

BUFFER_SIZE = 1024
MESSAGE_LIMIT = 64 * 1024 * 1024


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default=socket.gethostname())
    parser.add_argument("--port", type=int, default=1234)
    args = parser.parse_args()

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        # 2. Connect to the server: TCP's handshake
        server.connect((args.host, args.port))

        # 3. Receive until the server closes
        message = bytearray()
        while True:
            piece = server.recv(BUFFER_SIZE)
            if not piece:
                break
            message += piece
            if len(message) > MESSAGE_LIMIT:
                sys.exit(f"the message is longer than {MESSAGE_LIMIT} bytes")
        if not message:
            sys.exit("the server closed the connection without a message")

        # 4. Show the message
        print(message.decode(errors="replace"))
    # endregion: exercise


main()
