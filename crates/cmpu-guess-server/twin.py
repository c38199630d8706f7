"""Draws a number from 1 to 100 and answers guesses over UDP.

Rust:       src/main.rs
Terminal 1: python3 crates/cmpu-guess-server/twin.py --port 9900
Terminal 2: python3 crates/cmpu-guess-client/twin.py --port 9900
"""

import argparse
import contextlib
import decimal
import errno
import random
import re
import signal
import socket
import sys
import time

BUFFER_SIZE = 65_535
QUOTE_LIMIT = 64
WHITE_SPACE = " \t\n\v\f\r"
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
    parser.add_argument("--secret", type=secret_number)
    args = parser.parse_args()
    address = resolve(args.host, args.port)

    # region: exercise
    # 1. Draw the number: one for all clients
    # randint(1, 100) includes both ends. randrange(1, 100) leaves out the 100.
    secret = args.secret or random.randint(1, 100)

    # 2. Create the socket: one for all clients
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    # 3. Bind it to the server's address: from here on datagrams can come
    with cannot("bind to", address):
        server.bind(address)
    log_listening(server)

    while True:
        # 4. Receive a guess and the address it came from
        try:
            guess, client = server.recvfrom(BUFFER_SIZE)
        except OSError as error:
            retry_receive(error)
            continue

        # 5. Compare it with the number
        reply = answer(guess, secret)
        verdict = reply.split(":")[0]
        print(f"Guess {guess[:QUOTE_LIMIT]} from {client}: {verdict}")

        # 6. Send the answer back there
        try:
            server.sendto(reply.encode(), client)
        except OSError as error:
            print(f"{client}: cannot send the answer: {error}", file=sys.stderr)
    # endregion: exercise


def answer(guess, secret):
    text = guess.decode(errors="replace").strip(WHITE_SPACE)
    # int() alone would also accept "1_000" and "٤٢", and since 3.11 at most 4,300 digits.
    if not re.fullmatch("[+-]?[0-9]+", text):
        quote = text if len(text) <= QUOTE_LIMIT else text[:QUOTE_LIMIT] + "…"
        return f'ERROR: "{quote}" is not a whole number'
    number = decimal.Decimal(text)
    if secret > number:
        return "HIGHER"
    if secret < number:
        return "LOWER"
    return "CORRECT"


def port_number(text):
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError("a port is a whole number from 0 to 65535")
    return int(text)


def secret_number(text):
    if not (text.isdecimal() and 1 <= int(text) <= 100):
        raise argparse.ArgumentTypeError("the number to guess is a whole number from 1 to 100")
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
