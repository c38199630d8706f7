"""Sends numbers to the sum server and shows what it answers.

Rust:       src/main.rs
Terminal 1: python3 crates/dsd-sum-server/twin.py
Terminal 2: python3 crates/dsd-sum-client/twin.py 1 2 3 4 5
"""

import argparse
import contextlib
import errno
import re
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
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port_number, default=65432)
    parser.add_argument("numbers", nargs="*", default=["1", "2", "3", "4", "5"])
    args = parser.parse_intermixed_args()
    address = resolve(args.host, args.port)

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        # 2. Connect to the server: TCP's handshake
        with cannot("connect to", address,
                    "is the server running? python3 crates/dsd-sum-server/twin.py"):
            server.connect(address)

        # 3. Send each request and show its answer
        if args.numbers == ["-"]:
            for line in sys.stdin.buffer:
                try:
                    request = line.decode()
                except UnicodeDecodeError:
                    fail("cannot read a line of stdin: stream did not contain valid UTF-8",
                         "a request is a line of UTF-8 text: numbers and blanks")
                ask(server, re.sub("\r?\n", "", request))
        else:
            ask(server, " ".join(args.numbers))
    # endregion: exercise


def ask(server, request):
    if not request:
        # An empty send puts nothing on the wire: the server would not notice, and we would wait
        # forever.
        print("skipped an empty line: there is nothing to send", file=sys.stderr)
        return

    # region: exercise
    # 4. Send the request
    with cannot("send", "the numbers"):
        server.sendall(request.encode())

    # 5. Receive the answer: whatever one recv gives
    with cannot("receive", "the answer"):
        answer = server.recv(BUFFER_SIZE)
    if not answer:
        fail("the server closed the connection without an answer", "its terminal may say why")
    print(f"Server says: {answer.decode(errors='replace')}")
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
