"""Sends a message and receives its echo, 16 bytes at a time.

Rust:       src/main.rs
Terminal 1: python3 crates/cmpu-tcp-echo-server/twin.py --port 9900
Terminal 2: python3 crates/cmpu-tcp-echo-client/twin.py --port 9900
"""

import argparse
import contextlib
import errno
import signal
import socket
import sys

BUFFER_SIZE = 16
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
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=port_number, required=True)
    parser.add_argument("--message", default="Test message. This will be echoed")
    args = parser.parse_args()
    address = resolve(args.host, args.port)

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        # 2. Connect to the server: TCP's handshake
        print(f"Connecting to {args.host} port {args.port}")
        with cannot("connect to", address,
                    "is the server running? "
                    f"python3 crates/cmpu-tcp-echo-server/twin.py --port {args.port}"):
            server.connect(address)
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
    with cannot("send", "the message"):
        server.sendall(message)

    # 4. Receive until all of it is back
    received = 0
    while received < len(message):
        with cannot("receive", "the echo"):
            piece = server.recv(BUFFER_SIZE)
        if not piece:
            sent = len(message)
            fail(f"the server closed the connection after {received} of {sent} bytes",
                 "its terminal may say why; it reads at most 2048 bytes of a message")
        received += len(piece)
        print(f"Received: {piece.decode(errors='replace')}")
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
