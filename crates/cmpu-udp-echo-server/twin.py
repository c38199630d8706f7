"""Sends each datagram back to where it came from.

Rust:       src/main.rs
Terminal 1: python3 crates/cmpu-udp-echo-server/twin.py --port 9900
Terminal 2: python3 crates/cmpu-udp-echo-client/twin.py --port 9900
"""

import argparse
import contextlib
import errno
import signal
import socket
import sys
import time

BUFFER_SIZE = 65_535
HINTS = {
    errno.EADDRINUSE: "is another program using this port, perhaps the same server in another "
                      "terminal? stop it, or choose another port with --port. if there is none, "
                      "wait a minute: TCP may still hold the port (TIME_WAIT)",
    errno.EADDRNOTAVAIL: "this machine has no such address: --host 127.0.0.1 is always there",
    errno.EACCES: "ports below 1024 need special rights: choose a higher one with --port",
}


def main():
    # Print each line immediately, even into a pipe, and as UTF-8, so that every character works.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.excepthook = show_error
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback, as in Rust.

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=port_number, required=True)
    args = parser.parse_args()
    address = resolve(args.host, args.port)

    # region: exercise
    # 1. Create the socket: one for all clients
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    # 2. Bind it to the server's address: from here on datagrams can come
    with cannot("bind to", address):
        server.bind(address)
    log_listening(server)
    port = server.getsockname()[1]
    print(f"Starting up echo server on {args.host} port {port}")

    while True:
        print("Waiting to receive message from client")

        # 3. Receive a datagram and the address it came from
        try:
            message, client = server.recvfrom(BUFFER_SIZE)
        except OSError as error:
            retry_receive(error)
            continue
        print(f"received {len(message)} bytes from {client}")
        # The echo is the bytes themselves. Only the line printed here needs text.
        print(f"Data: {message.decode(errors='replace')}")

        # 4. Send it back there
        try:
            count = server.sendto(message, client)
        except OSError as error:
            print(f"{client}: cannot send the echo: {error}", file=sys.stderr)
        else:
            print(f"sent {count} bytes back to {client}")
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


def retry_receive(error):
    if error.errno == errno.EINVAL:
        fail(f"cannot receive datagrams: {error}")  # Trying again cannot help.
    if error.errno not in (errno.ECONNREFUSED, errno.ECONNRESET):
        time.sleep(0.1)  # The system is short of memory: do not spin.
    print(f"cannot receive a datagram: {error}; waiting for the next", file=sys.stderr)


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
