"""Connects to the server and ends.

Rust:       src/main.rs
Terminal 1: python3 crates/co223-task01-server/twin.py
Terminal 2: python3 crates/co223-task01-client/twin.py
"""

import argparse
import socket
import sys


def main():
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
                 "is the server running? python3 crates/co223-task01-server/twin.py")
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
