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
    # Print each line at once, also into a pipe, whatever characters it has.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.excepthook = show_error

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=65432)
    args = parser.parse_args()
    address = (socket.gethostbyname(args.host), args.port)

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        # 2. Connect to the server: TCP's handshake
        try:
            server.connect(address)
        except OSError as error:
            fail("cannot connect to {}:{}: {}".format(*address, error),
                 "is the server running? python3 crates/codio-echo-server/twin.py")

        # 3. Send the message
        server.sendall(MESSAGE)

        # 4. Receive the answer: whatever one recv gives
        answer = server.recv(BUFFER_SIZE)
        if not answer:
            fail("the server closed the connection without an answer", "its terminal may say why")
        print(f"Received {answer!r}")
    # endregion: exercise


def show_error(kind, error, trace):
    # An error of the system is one line, and the exit code is 1. A mistake in
    # the program keeps its traceback.
    if issubclass(kind, OSError):
        print(f"Error: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def fail(error, hint):
    sys.exit(f"Error: {error}\nhint: {hint}")


main()
