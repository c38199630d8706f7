"""Sends a message to each client and closes the connection.

Rust:       src/main.rs
Terminal 1: python3 crates/co223-task02-server/twin.py
Terminal 2: python3 crates/co223-task02-client/twin.py
"""

import argparse
import socket
import sys

BACKLOG = 5
UNREAD_LIMIT = 64 * 1024


def serve(connection, message):
    # region: exercise
    # 6. Send the message
    connection.sendall(message)

    # 7. Drop what the client has sent: a close over unread bytes would be a reset
    connection.setblocking(False)
    try:
        connection.recv(UNREAD_LIMIT)
    except BlockingIOError:
        pass

    # 8. Close the connection: that is how the client knows that the message is over
    connection.close()
    # endregion: exercise


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default=socket.gethostname())
    parser.add_argument("--port", type=int, default=1234)
    parser.add_argument("--message", default="Welcome to the server!")
    parser.add_argument("--timeout", type=float, default=60)
    args = parser.parse_args()
    if not args.message:
        parser.error("the message is empty")

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
        with connection:
            connection.settimeout(args.timeout)
            try:
                serve(connection, args.message.encode())
            except OSError as error:
                print(f"{peer}: {error}", file=sys.stderr)
    # endregion: exercise


main()
