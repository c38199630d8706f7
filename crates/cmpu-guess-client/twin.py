"""Asks for guesses and shows what the server answers.

Rust:       src/main.rs
Terminal 1: python3 crates/cmpu-guess-server/twin.py --port 9900
Terminal 2: python3 crates/cmpu-guess-client/twin.py --port 9900
"""

import argparse
import contextlib
import errno
import os
import re
import signal
import socket
import sys

BUFFER_SIZE = 1024
LONGEST_GUESS = 65_507
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
    parser.add_argument("--timeout", type=seconds, default=1)
    parser.add_argument("--tries", type=number_of_tries, default=5)
    args = parser.parse_args()
    address = resolve(args.host, args.port)
    sys.stdin = sys.stdin or open(os.devnull)  # Closed before the start: no input, as in Rust.
    server = open_socket(address)
    # region: exercise
    while True:
        # 3. Read a guess from the user
        if sys.stdin.isatty():
            print("Your guess, from 1 to 100:", file=sys.stderr)
        guess = sys.stdin.buffer.readline()
        if not guess:
            fail("the input ended before the number was guessed",
                 "if the server is still running, it has the same number: start this client again "
                 "and go on")
        guess = re.sub(b"\r?(\n|$)", b"", guess)  # One line end, no more.
        if len(guess) > LONGEST_GUESS:
            print(f"skipped this guess: a datagram carries at most {LONGEST_GUESS} bytes",
                  file=sys.stderr)
            continue

        # 4. Ask the server, and show its answer
        with cannot("get an answer from", address,
                    "is the server running? "
                    f"python3 crates/cmpu-guess-server/twin.py --port {args.port}"):
            reply = ask(server, guess, args.timeout, args.tries)
        print(reply)
        if reply.strip() == "CORRECT":
            return

        # 7. Open a fresh socket for the next guess
        # A late answer to this guess then goes to a closed socket. The new socket is opened before
        # the old one is closed, so it surely has another port.
        server = open_socket(address)
    # endregion: exercise


def open_socket(address):
    # region: exercise
    # 1. Create the socket
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    # 2. Connect it to the server: datagrams from others are no longer received
    with cannot("connect to", address):
        server.connect(address)
    return server
    # endregion: exercise


def ask(server, guess, timeout, tries):
    # region: exercise
    for attempt in range(1, tries + 1):
        # 5. Send the guess, again if its answer did not come
        if attempt > 1:
            print(f"no answer yet; sending again (try {attempt} of {tries})", file=sys.stderr)
        server.settimeout(None)  # The time limit is for receiving alone.
        server.send(guess)

        # 6. Receive its answer within the time limit
        server.settimeout(timeout)
        try:
            return server.recv(BUFFER_SIZE).decode(errors="replace")
        except socket.timeout:
            pass
    raise OSError(f"none came (tries: {tries})")
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


def number_of_tries(text):
    if not (text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError("a number of tries must be a whole number, 1 or more")
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
