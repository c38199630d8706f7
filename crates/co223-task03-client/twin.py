"""Sends a message to the echo server and shows what comes back.

Rust:       src/main.rs
Terminal 1: python3 crates/co223-task03-server/twin.py
Terminal 2: python3 crates/co223-task03-client/twin.py 'Hello, server!'
"""

import argparse
import socket
import sys

BUFFER_SIZE = 1024


def main():
    # Print each line at once, also into a pipe, whatever characters it has.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.excepthook = show_error

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default=socket.gethostname())
    parser.add_argument("--port", type=int, default=1234)
    parser.add_argument("message", nargs="?", default="Hello, server!")
    args = parser.parse_args()
    message = args.message.encode()
    if not message:
        fail("the message is empty",
             "an empty send puts nothing on the wire: give it at least one character")
    address = (socket.gethostbyname(args.host), args.port)

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        # 2. Connect to the server: TCP's handshake
        try:
            server.connect(address)
        except OSError as error:
            fail("cannot connect to {}:{}: {}".format(*address, error),
                 "is the server running? python3 crates/co223-task03-server/twin.py")

        # 3. Send the message
        server.sendall(message)

        # 4. Receive until all of it is back
        echo = bytearray()
        while len(echo) < len(message):
            piece = server.recv(BUFFER_SIZE)
            if not piece:
                received, sent = len(echo), len(message)
                fail(f"the server closed the connection after {received} of {sent} bytes",
                     "its terminal may say why")
            echo += piece

        # 5. Show the echo
        print(echo.decode(errors="replace"))
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
