"""Sends everything back to its one client, and ends when that client leaves.

Rust:       src/main.rs
Terminal 1: python3 crates/codio-echo-server/twin.py
Terminal 2: python3 crates/codio-echo-client/twin.py
"""

import argparse
import contextlib
import errno
import signal
import socket
import sys

BUFFER_SIZE = 1024
BACKLOG = 128
HINTS = {
    errno.EADDRINUSE: "is another program using this port, perhaps the same server in another "
                      "terminal? stop it, or choose another port with --port. if there is none, "
                      "wait a minute: TCP may still hold the port (TIME_WAIT)",
    errno.EADDRNOTAVAIL: "this machine has no such address: --host 127.0.0.1 is always there",
    errno.EACCES: "ports below 1024 need special rights: choose a higher one with --port",
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
    args = parser.parse_args()
    address = resolve(args.host, args.port)

    # region: exercise
    # 1. Create the listening socket
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    # 2. Allow the port to be used again at once
    # Windows does not need this option; there it would let another program share the port.
    if sys.platform != "win32":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    # 3. Bind it to the server's address
    with cannot("bind to", address):
        listener.bind(address)

    # 4. Listen: from here on the system completes handshakes
    with cannot("listen on", address):
        listener.listen(BACKLOG)
    log_listening(listener)

    # 5. Accept a client: a new socket, for this client alone
    with cannot("accept", "a client"):
        connection, peer = listener.accept()
    print(f"Connected by {peer}")

    with connection:
        while True:
            # 6. Receive a piece: whatever one recv gives
            with cannot("receive from", f"{peer}"):
                piece = connection.recv(BUFFER_SIZE)
            if not piece:
                return  # The client has closed its side, and has everything back.

            # 7. Send it back
            with cannot("send back to", f"{peer}"):
                connection.sendall(piece)
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


def log_listening(server):
    host, port = server.getsockname()
    if host == "0.0.0.0":
        print("any machine that can reach this one can use this server; "
              "--host 127.0.0.1 allows this machine only", file=sys.stderr)
    print(f"listening on {host}:{port}", file=sys.stderr)


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
