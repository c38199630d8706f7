"""Asks a web server for its first page and shows what one recv gives.

Rust:       src/main.rs
Terminal 1: python3 crates/transparency-socket4/twin.py
"""

import argparse
import contextlib
import errno
import signal
import socket
import sys

BUFFER_SIZE = 4096
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
    parser.add_argument("--host", default="www.google.co.uk")
    parser.add_argument("--port", type=port_number, default=80)
    args = parser.parse_args()

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        print("Socket Created")

        # 2. Resolve the host name: the system asks its hosts file, then a name server
        try:
            ip = socket.gethostbyname(args.host)
        except OSError as error:
            print("Hostname could not be resolved. Exiting")
            fail(f"cannot resolve the host name {args.host}: {error}",
                 "check the spelling and the network, or give an address: --host 127.0.0.1")
        address = (ip, args.port)

        # 3. Connect to the web server: TCP's handshake
        with cannot("connect to", address,
                    "is there a web server? cargo lab run transparency-socket4 starts one"):
            server.connect(address)
        print(f"Socket Connected to {args.host} on ip {ip}")

        # 4. Send the request: lines that end with CRLF, then an empty one
        with cannot("send", "the request"):
            server.sendall(request(args.host, args.port).encode())
        print("Message send successfully")

        # 5. Receive the reply: whatever one recv gives
        with cannot("receive", "the reply"):
            reply = server.recv(BUFFER_SIZE)
        if not reply:
            fail(f"{ip}:{args.port} closed the connection without a reply", "is it a web server?")
        print(reply)
    # endregion: exercise


def request(host, port):
    site = host if port == 80 else f"{host}:{port}"
    return f"GET / HTTP/1.1\r\nHost: {site}\r\nConnection: close\r\n\r\n"


def port_number(text):
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError("a port is a whole number from 0 to 65535")
    return int(text)


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
