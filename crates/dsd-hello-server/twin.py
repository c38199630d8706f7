"""Tells its client what it received, and ends; with --forever it takes the next client.

Rust:       src/main.rs
Terminal 1: python3 crates/dsd-hello-server/twin.py
Terminal 2: python3 crates/dsd-hello-client/twin.py
"""

import argparse
import contextlib
import errno
import signal
import socket
import sys
import time

BUFFER_SIZE = 1024
BACKLOG = 128
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
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port_number, default=65432)
    parser.add_argument("--timeout", type=seconds, default=60)
    parser.add_argument("--forever", action="store_true")
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

    while True:
        # 5. Accept a client: a new socket, for this client alone
        try:
            connection, peer = listener.accept()
        except OSError as error:
            retry_accept(error)
            continue
        print(f"Connected by {peer}")
        # Without --forever no other client waits, so there is no time limit.
        timeout = args.timeout if args.forever else None
        failure = None
        with connection:
            try:
                serve(connection, timeout)
            except OSError as error:
                failure = error

        # 8. End with the first client, or take the next: exercise 3
        if not args.forever:
            if failure:
                fail(f"cannot serve {peer}: {failure}", "the client's terminal may say why")
            return
        # An error on one connection ends that connection, not the server.
        if failure:
            print(f"{peer}: {failure}", file=sys.stderr)
    # endregion: exercise


def serve(connection, timeout):
    connection.settimeout(timeout)
    # region: exercise
    while True:
        # 6. Receive a message: whatever one recv gives
        message = connection.recv(BUFFER_SIZE)
        if not message:
            return  # The client has closed its side.

        # 7. Send the answer
        text = message.decode(errors="replace")
        answer = f'I got "{text}" from you and I am sending it back.'
        connection.sendall(answer.encode())
    # endregion: exercise


def port_number(text):
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError("a port is a whole number from 0 to 65535")
    return int(text)


def seconds(text):
    try:
        if 0.001 <= float(text) <= 86400:
            return float(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError("a time is a number of seconds from 0.001 to 86400")


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


def retry_accept(error):
    if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):
        fail(f"cannot accept clients: {error}")  # Trying again cannot help.
    if error.errno not in (errno.ECONNABORTED, errno.ECONNRESET):
        time.sleep(0.1)  # The system is short of descriptors or memory: do not spin.
    print(f"cannot accept a client: {error}; waiting for the next", file=sys.stderr)


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
