"""Sends a message and receives its echo, 16 bytes at a time.

Rust:       src/main.rs
Terminal 1: python3 crates/cmpu-tcp-echo-server/twin.py --port 9900
Terminal 2: python3 crates/cmpu-tcp-echo-client/twin.py --port 9900
"""

import argparse
import socket
import sys

BUFFER_SIZE = 16


def main():
    # Print each line at once, also into a pipe, whatever characters it has.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.excepthook = show_error

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--message", default="Test message. This will be echoed")
    args = parser.parse_args()
    address = (socket.gethostbyname(args.host), args.port)

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        # 2. Connect to the server: TCP's handshake
        print(f"Connecting to {args.host} port {args.port}")
        try:
            server.connect(address)
        except OSError as error:
            fail("cannot connect to {}:{}: {}".format(*address, error),
                 "is the server running? "
                 f"python3 crates/cmpu-tcp-echo-server/twin.py --port {args.port}")
        try:
            talk(server, args.message)
        finally:
            # 5. Close the connection, also after a failure
            print("Closing connection to the server")
            server.close()
    # endregion: exercise


def talk(server, message):
    # region: exercise
    # 3. Send the message
    print(f"Sending {message}")
    message = message.encode()
    server.sendall(message)

    # 4. Receive until all of it is back
    received = 0
    while received < len(message):
        piece = server.recv(BUFFER_SIZE)
        if not piece:
            sent = len(message)
            fail(f"the server closed the connection after {received} of {sent} bytes",
                 "its terminal may say why; it reads at most 2048 bytes of a message")
        received += len(piece)
        print(f"Received: {piece.decode(errors='replace')}")
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
