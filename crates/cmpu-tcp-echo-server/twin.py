"""Sends a client's message back, one message a client, for one client after another.

Rust:       src/main.rs
Terminal 1: python3 crates/cmpu-tcp-echo-server/twin.py --port 9900
Terminal 2: python3 crates/cmpu-tcp-echo-client/twin.py --port 9900
"""

import argparse
import socket
import sys
import time

BUFFER_SIZE = 2048
BACKLOG = 5
PATIENCE = 1


def serve(connection, peer):
    # region: exercise
    # 6. Receive the message: whatever one recv gives
    message = connection.recv(BUFFER_SIZE)
    if not message:
        raise ConnectionError("closed the connection without a message")
    text = message.decode(errors="replace")
    print(f"Data: {text}")

    # 7. Send it back
    connection.sendall(message)
    print(f"sent {text} bytes back to {peer}")

    # 8. Hang up: end this direction, and read until the client has closed too
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and connection.recv(BUFFER_SIZE):
        pass
    # endregion: exercise


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, required=True)
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
    listener.listen(BACKLOG)
    address, port = listener.getsockname()
    print(f"listening on {address}:{port}", file=sys.stderr)
    print(f"Starting up echo server on {args.host} port {port}")

    while True:
        print("Waiting to receive message from client")

        # 5. Accept a client: a new socket, for this client alone
        connection, peer = listener.accept()
        with connection:
            connection.settimeout(args.timeout)
            try:
                serve(connection, peer)
            except OSError as error:
                print(f"{peer}: {error}", file=sys.stderr)
    # endregion: exercise


main()
