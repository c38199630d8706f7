"""Tells its client what it got from it, and ends; with --forever it goes on with the next.

Rust:       src/main.rs
Terminal 1: python3 crates/dsd-hello-server/twin.py
Terminal 2: python3 crates/dsd-hello-client/twin.py
"""

import argparse
import socket
import sys

BUFFER_SIZE = 1024


def serve(connection):
    # region: exercise
    while True:
        # 6. Receive a message: whatever one recv gives
        message = connection.recv(BUFFER_SIZE)
        if not message:
            return

        # 7. Send the answer
        text = message.decode(errors="replace")
        connection.sendall(f'I got "{text}" from you and I am sending it back.'.encode())
    # endregion: exercise


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=65432)
    parser.add_argument("--forever", action="store_true")
    parser.add_argument("--timeout", type=float, default=60)
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

    while True:
        # 5. Accept a client: a new socket, for this client alone
        connection, peer = listener.accept()
        print(f"Connected by {peer}")
        failure = None
        with connection:
            connection.settimeout(args.timeout if args.forever else None)
            try:
                serve(connection)
            except OSError as error:
                failure = f"{peer}: {error}"

        # 8. End with the first client, or go on: exercise 3
        if not args.forever:
            sys.exit(failure)
        if failure:
            print(failure, file=sys.stderr)
    # endregion: exercise


main()
