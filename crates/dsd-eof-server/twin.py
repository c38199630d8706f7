"""Answers messages of any size that end with `<EOF>`, for many clients at the same time.

Rust:       src/main.rs
Terminal 1: python3 crates/dsd-eof-server/twin.py
Terminal 2: python3 crates/dsd-eof-client/twin.py 'Hello world'
"""

import argparse
import contextlib
import errno
import signal
import socket
import sys
import threading
import time

TOKEN = "<EOF>"
BACKLOG = 128
CLIENTS_LIMIT = 200
PIECE_SIZE = 64 * 1024
DRAIN_LIMIT = 64 * 1024 * 1024
DRAIN_SIZE = 16 * 1024
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
    parser.add_argument("--timeout", type=seconds, default=600)
    parser.add_argument("--max-message", type=number_of_bytes, default=64 * 1024 * 1024)
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

    semaphore = threading.Semaphore(CLIENTS_LIMIT)
    while True:
        # 5. Acquire a permit: each client takes memory, and any number of clients may come
        semaphore.acquire()

        # 6. Accept a client: a new socket, for this client alone
        try:
            connection, peer = listener.accept()
        except OSError as error:
            retry_accept(error)
            semaphore.release()
            continue
        print(f"Connected by {peer}")

        # 7. Serve it in its own thread, so that the others need not wait
        thread = threading.Thread(target=run, daemon=True, args=(
            connection, peer, semaphore, args.max_message, args.timeout))
        try:
            thread.start()
        except RuntimeError as error:
            connection.close()
            semaphore.release()
            print(f"{peer}: cannot start a thread: {error}", file=sys.stderr)
    # endregion: exercise


def run(connection, peer, semaphore, max_message, timeout):
    # An error on one connection ends that connection, not the server.
    try:
        with connection:
            serve(connection, max_message, timeout)
    except (OSError, FrameError) as error:
        print(f"{peer}: {error}", file=sys.stderr)
    finally:
        semaphore.release()


def serve(connection, max_message, timeout):
    # A client whose machine lost its power must not hold its permit forever.
    connection.settimeout(timeout)
    reader = DelimitedReader(connection, TOKEN.encode(), max_message)
    # region: exercise
    while True:
        # 8. Receive until the token: it may arrive in parts, or with the next message behind it
        try:
            message = reader.read_message()
            if message is None:
                return  # The client has closed its side, after a whole message.

        # 9. Refuse a message above the limit and close: the next one's start cannot be found
        except TooLong as error:
            connection.sendall(f"error: {error}{TOKEN}".encode())
            close_gracefully(connection, timeout)
            raise

        # 10. Send the answer with its token
        text = message.decode(errors="replace")
        answer = f'I got "{text}" from you and I am sending it back.{TOKEN}'
        connection.sendall(answer.encode())
    # endregion: exercise


class FrameError(Exception):
    """A message that cannot be read."""


class TooLong(FrameError):
    """A message that is longer than the limit."""


class DelimitedReader:
    """Reads messages that end with a delimiter, step by step."""

    def __init__(self, source, delimiter, limit):
        self.source = source
        self.delimiter = delimiter
        self.limit = limit
        self.buffer = bytearray()
        self.searched = 0  # No delimiter begins before here.

    def read_message(self):
        """Gives the next message, or None when the stream ended after the last one."""
        while True:
            # a. Search the bytes that have not been searched yet
            end = self.buffer.find(self.delimiter, self.searched)

            # b. Found: give the message, and keep what follows it for the next call
            if end >= 0:
                if end > self.limit:
                    raise TooLong(f"the message is longer than the limit of {self.limit} bytes")
                message = bytes(self.buffer[:end])
                del self.buffer[:end + len(self.delimiter)]
                self.searched = 0
                return message

            # c. Not found: a delimiter may begin in the last bytes, so they are searched again
            self.searched = max(0, len(self.buffer) - len(self.delimiter) + 1)
            if self.searched > self.limit:
                raise TooLong(f"the message is longer than the limit of {self.limit} bytes")

            # d. Read the next piece, and put it behind what is there
            piece = self.source.recv(PIECE_SIZE)
            self.buffer += piece

            # e. The stream has ended: between two messages that is fine, within one it is an error
            if not piece:
                if not self.buffer:
                    return None
                raise FrameError("the stream ended in the middle of a message, "
                                 f"after {len(self.buffer)} bytes of it")


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


def number_of_bytes(text):
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("a number of bytes must be a whole number, 0 or more")
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


def retry_accept(error):
    if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):
        fail(f"cannot accept clients: {error}")  # Trying again cannot help.
    if error.errno not in (errno.ECONNABORTED, errno.ECONNRESET):
        time.sleep(0.1)  # The system is short of descriptors or memory: do not spin.
    print(f"cannot accept a client: {error}; waiting for the next", file=sys.stderr)


def close_gracefully(connection, timeout):
    # A close with bytes unread would send RST, and the peer could lose our last answer. So end only
    # our own direction, and read until the peer closes too.
    connection.shutdown(socket.SHUT_WR)
    deadline = time.monotonic() + timeout
    total = 0
    while total < DRAIN_LIMIT and (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        try:
            piece = connection.recv(DRAIN_SIZE)
        except socket.timeout:
            break
        if not piece:
            break
        total += len(piece)


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
