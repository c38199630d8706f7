"""Sends messages to the hello server and shows its answers.

Rust:       src/main.rs
Terminal 1: python3 crates/dsd-hello-server/twin.py
Terminal 2: python3 crates/dsd-hello-client/twin.py 'Hello world' 'and once more'
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
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=65432)
    parser.add_argument("messages", nargs="*", default=["Hello world"])
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
                 "is the server running? python3 crates/dsd-hello-server/twin.py")

        # 3. Send each message and show its answer: exercise 2
        for message in args.messages:
            ask(server, message)
    # endregion: exercise


def ask(server, message):
    if not message:
        # An empty send puts nothing on the wire: the server would not notice, and we would wait
        # forever.
        print("skipped an empty message: there is nothing to send", file=sys.stderr)
        return

    # region: exercise
    # 4. Send the message
    server.sendall(message.encode())

    # 5. Receive the answer: whatever one recv gives
    answer = server.recv(BUFFER_SIZE)
    if not answer:
        fail("the server closed the connection without an answer", "its terminal may say why")
    print(f"Server says: {answer.decode(errors='replace')}")

    # 6. Stop when the answer fills the buffer: its rest would be taken for the next answer
    if len(answer) == BUFFER_SIZE:
        fail(f"an answer of {BUFFER_SIZE} bytes or more may be cut short",
             "exercise 5, with <EOF>, takes messages of any size")
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
