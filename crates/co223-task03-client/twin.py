"""Sends a message to the echo server and shows what comes back.

Rust:       src/main.rs
Terminal 1: python3 crates/co223-task03-server/twin.py
Terminal 2: python3 crates/co223-task03-client/twin.py 'Hello, server!'
"""

import argparse
import socket
import sys

BUFFER_SIZE = 1024


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default=socket.gethostname())
    parser.add_argument("--port", type=int, default=1234)
    parser.add_argument("message", nargs="?", default="Hello, server!")
    args = parser.parse_args()
    message = args.message.encode()
    if not message:
        parser.error("the message is empty")

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        # 2. Connect to the server: TCP's handshake
        server.connect((args.host, args.port))

        # 3. Send the message
        server.sendall(message)

        # 4. Receive until all of it is back
        echo = bytearray()
        while len(echo) < len(message):
            piece = server.recv(BUFFER_SIZE)
            if not piece:
                sys.exit(f"the server closed the connection after {len(echo)} of {len(message)} bytes")
            echo += piece

        # 5. Show the echo
        print(echo.decode(errors="replace"))
    # endregion: exercise


main()
