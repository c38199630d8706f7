"""Sends back whatever its one client sends, and ends with it.

Rust:       src/main.rs
Terminal 1: python3 crates/codio-echo-server/twin.py
Terminal 2: python3 crates/codio-echo-client/twin.py
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
    parser.add_argument("--port", type=int, default=65432)
    args = parser.parse_args()

    # region: exercise
    # 1. Create the listening socket
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    # 2. Allow the port to be used again at once
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    # 3. Bind it to the server's address
    listener.bind((args.host, args.port))

    # 4. Listen: from here on the system completes handshakes
    listener.listen()
    print("listening on {}:{}".format(*listener.getsockname()), file=sys.stderr)

    # 5. Accept a client: a new socket, for this client alone
    connection, peer = listener.accept()
    print(f"Connected by {peer}")
    with connection:
        while True:
            # 6. Receive a piece: whatever one recv gives
            piece = connection.recv(BUFFER_SIZE)
            if not piece:
                return

            # 7. Send it back
            connection.sendall(piece)
    # endregion: exercise


main()
