"""Greets each connection with a line of its own, and closes it.

Rust:       src/main.rs
Terminal 1: python3 crates/co223-task01-server/twin.py
Terminal 2: python3 crates/co223-task01-client/twin.py
"""

import argparse
import socket
import sys

BACKLOG = 5


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default=socket.gethostname())
    parser.add_argument("--port", type=int, default=1234)
    args = parser.parse_args()

    # region: exercise
    # 1. Create the listening socket
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    # 2. Allow the port to be used again at once
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    # 3. Bind it to the server's address
    listener.bind((args.host, args.port))

    # 4. Listen: from here on the system completes handshakes
    listener.listen(BACKLOG)
    print("listening on {}:{}".format(*listener.getsockname()), file=sys.stderr)

    while True:
        # 5. Accept a client: a new socket, for this client alone
        connection, peer = listener.accept()
        print(f"Connection from {peer} has been established.")

        # 6. Close the connection
        connection.close()
    # endregion: exercise


main()
