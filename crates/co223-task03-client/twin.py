"""Sends a message to the echo server and shows what comes back.

Rust:       src/main.rs
Terminal 1: python3 crates/co223-task03-server/twin.py
Terminal 2: python3 crates/co223-task03-client/twin.py 'Hello, server!'
"""

import argparse
import contextlib
import errno
import signal
import socket
import sys

BUFFER_SIZE = 1024
HINTS = {
    errno.ECONNRESET: "the other side reset the connection: its terminal may say why",
    errno.EPIPE: "the program that was reading this has ended",
}


def main():
    # Print each line immediately, even into a pipe, and as UTF-8, so that every character works.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.excepthook = show_error
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback, as in Rust.

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default=socket.gethostname())
    parser.add_argument("--port", type=port_number, default=1234)
    parser.add_argument("message", nargs="?", default="Hello, server!")
    args = parser.parse_args()
    message = args.message.encode()
    if not message:
        fail("the message is empty",
             "an empty send puts nothing on the wire: give it at least one character")
    address = resolve(args.host, args.port)

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        # 2. Connect to the server: TCP's handshake
        with cannot("connect to", address,
                    "is the server running? python3 crates/co223-task03-server/twin.py"):
            server.connect(address)

        # 3. Send the message
        with cannot("send to", address):
            server.sendall(message)

        # 4. Receive until all of it is back
        echo = bytearray()
        while len(echo) < len(message):
            with cannot("receive from", address):
                piece = server.recv(BUFFER_SIZE)
            if not piece:
                received, sent = len(echo), len(message)
                fail(f"the server closed the connection after {received} of {sent} bytes",
                     "its terminal may say why")
            echo += piece

        # 5. Show the echo
        print(echo.decode(errors="replace"))
    # endregion: exercise


def port_number(text):
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError("a port is a whole number from 0 to 65535")
    return int(text)


def resolve(host, port):
    with cannot("resolve the host name", host,
                "check the spelling and the network, or give an address: --host 127.0.0.1"):
        return socket.gethostbyname(host), port


@contextlib.contextmanager
def cannot(action, thing, hint=None):
    # The system's error says neither what was tried nor on which address.
    try:
        yield
    except OSError as error:
        if isinstance(thing, tuple):
            thing = "{}:{}".format(*thing)
        fail(f"cannot {action} {thing}: {error}", hint or HINTS.get(error.errno))


def show_error(kind, error, trace):
    # What a user can mend is one line, and the exit code is 1. A mistake in the program keeps its
    # traceback. Socket errors were handled earlier, so a broken pipe here is that of stdout.
    if kind is BrokenPipeError:
        print(f"Error: cannot write to stdout: {error}", file=sys.stderr)
        print("hint: the program that was reading this has ended", file=sys.stderr)
        sys.stdout = None  # Python would flush it once more at the end.
    elif issubclass(kind, (OSError, UnicodeEncodeError)):
        print(f"Error: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def fail(error, hint=None):
    sys.exit(f"Error: {error}" + (f"\nhint: {hint}" if hint else ""))


main()
