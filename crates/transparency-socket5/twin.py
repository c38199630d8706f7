"""Thanks each client for connecting and closes the connection.

Rust:       src/main.rs
Terminal 1: python3 crates/transparency-socket5/twin.py
Terminal 2: python3 crates/transparency-socket6/twin.py
"""

import argparse
import socket
import sys
import time

BACKLOG = 5
BUFFER_SIZE = 1024
THANKS = b"Thank you for connecting"


def thank(connection, patience):
    # region: exercise
    # 6. Send the thanks
    connection.sendall(THANKS)

    # 7. Hang up: end this direction, and read until the client has closed too
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(patience)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and connection.recv(BUFFER_SIZE):
        pass
    # endregion: exercise


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="")
    parser.add_argument("--port", type=int, default=12345)
    parser.add_argument("--timeout", type=float, default=1)
    args = parser.parse_args()

    # region: exercise
    # 1. Create the listening socket
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    print("Socket successfully created")

    # 2. Allow the port to be used again at once
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    # 3. Bind it to the server's address
    listener.bind((args.host, args.port))
    print(f"socket binded to {listener.getsockname()[1]}")

    # 4. Listen: from here on the system completes handshakes
    listener.listen(BACKLOG)
    print("socket is listening")
    print("listening on {}:{}".format(*listener.getsockname()), file=sys.stderr)

    while True:
        # 5. Accept a client: a new socket, for this client alone
        connection, peer = listener.accept()
        print(f"Got connection from {peer}")
        with connection:
            try:
                thank(connection, args.timeout)
            except OSError as error:
                print(f"{peer}: {error}", file=sys.stderr)
    # endregion: exercise


main()
