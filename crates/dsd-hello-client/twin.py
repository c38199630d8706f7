"""Sends messages to the hello server and shows its answers.

Rust:       src/main.rs
Terminal 1: python3 crates/dsd-hello-server/twin.py
Terminal 2: python3 crates/dsd-hello-client/twin.py 'Hello world' 'and once more'
"""

import argparse
import socket
import sys

BUFFER_SIZE = 1024


def ask(server, message):
    if not message:
        print("an empty text is no message; it is left out", file=sys.stderr)
        return

    # region: exercise
    # 4. Send the message
    server.sendall(message.encode())

    # 5. Receive the answer: whatever one recv gives
    answer = server.recv(BUFFER_SIZE)
    if not answer:
        sys.exit("the server closed the connection without an answer")
    print(f"Server says: {answer.decode(errors='replace')}")

    # 6. Stop when the answer fills the buffer: the rest of it would pass for the next answer
    if len(answer) == BUFFER_SIZE:
        sys.exit(f"an answer of {BUFFER_SIZE} bytes or more may be cut short")
    # endregion: exercise


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=65432)
    parser.add_argument("messages", nargs="*", default=["Hello world"])
    args = parser.parse_args()

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        # 2. Connect to the server: TCP's handshake
        server.connect((args.host, args.port))

        # 3. Send each message and show its answer: exercise 2
        for message in args.messages:
            ask(server, message)
    # endregion: exercise


main()
