"""Sends messages of any size that end with `<EOF>` and shows the server's answers.

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

TOKEN = b"<EOF>"
ANSWER_EXTRA = 1024
PIECE_SIZE = 64 * 1024
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
    parser.add_argument("messages", nargs="*", default=["Hello world"])
    args = parser.parse_intermixed_args()
    address = resolve(args.host, args.port)

    # region: exercise
    # 1. Put the token behind each message; refuse one that holds it: it would arrive as two
    if args.messages == ["-"]:
        frames = [with_token(sys.stdin.buffer.read())]
    else:
        frames = [with_token(message.encode()) for message in args.messages]

    # 2. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        # 3. Connect to the server: TCP's handshake
        with cannot("connect to", address,
                    "is the server running? python3 crates/dsd-eof-server/twin.py"):
            server.connect(address)

        # A byte that is not valid UTF-8 comes back as U+FFFD, which takes three bytes.
        longest = max(map(len, frames))
        answers = DelimitedReader(server, TOKEN, 3 * longest + ANSWER_EXTRA)
        for frame in frames:
            # 4. Send a message with its token
            not_sent = None
            try:
                server.sendall(frame)
            except OSError as error:
                not_sent = error

            # 5. Receive the answer until its token
            # Even if sending failed: a server may refuse a message before it has received it all.
            answer, not_received = None, None
            try:
                answer = answers.read_message()
            except (OSError, FrameError) as error:
                not_received = error
            if answer is not None:
                print(f"Server says: {answer.decode(errors='replace')}")
            if not_sent:
                fail(f"cannot send the message: {not_sent}",
                     "the server has closed the connection: its answer or its terminal says why")
            if not_received:
                fail(f"cannot receive the answer: {not_received}", "its terminal may say why")
            if answer is None:
                fail("the server closed the connection without an answer",
                     "its terminal may say why")
    # endregion: exercise


def with_token(message):
    # Search the message for the token, and refuse it if the token is in it.
    at = (message + TOKEN).find(TOKEN)
    if at < len(message):
        fail(f"cannot send this text: the message holds its own delimiter at byte {at}",
             "leave <EOF> out of it, or encode it, in base64 for instance")
    return message + TOKEN


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
