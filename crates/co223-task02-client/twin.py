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
    # Print each line at once, also into a pipe, whatever characters it has.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.excepthook = show_error

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default=socket.gethostname())
    parser.add_argument("--port", type=int, default=1234)
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
                 "is the server running? python3 crates/co223-task02-server/twin.py")

        # 3. Receive until the server closes
        message = bytearray()
        while True:
            piece = server.recv(BUFFER_SIZE)
            if not piece:
                break
            message += piece
            if len(message) > MESSAGE_LIMIT:
                fail(f"the message is longer than {MESSAGE_LIMIT} bytes",
                     "is this the server of task 2?")
        if not message:
            fail("the server closed the connection without a message", "its terminal may say why")

        # 4. Show the message
        print(message.decode(errors="replace"))
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
