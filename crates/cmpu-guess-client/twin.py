"""Asks for guesses and shows what the server answers.

Rust:       src/main.rs
Terminal 1: python3 crates/cmpu-guess-server/twin.py --port 9900
Terminal 2: python3 crates/cmpu-guess-client/twin.py --port 9900
"""

import argparse
import socket
import sys

BUFFER_SIZE = 1024
LONGEST_GUESS = 65_507


def main():
    # Print each line at once, also into a pipe, whatever characters it has.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.excepthook = show_error

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--timeout", type=float, default=1)
    parser.add_argument("--tries", type=int, default=5)
    args = parser.parse_args()
    address = (socket.gethostbyname(args.host), args.port)
    server = open_socket(address)
    # region: exercise
    while True:
        # 3. Read a guess from the user
        if sys.stdin.isatty():
            print("Your guess, from 1 to 100:", file=sys.stderr)
        guess = sys.stdin.buffer.readline()
        if not guess:
            fail("the input ended before the number was guessed",
                 "a server that still runs keeps its number: start again and continue")
        guess = guess.rstrip(b"\r\n")
        if len(guess) > LONGEST_GUESS:
            print(f"skipped this guess: a datagram carries at most {LONGEST_GUESS} bytes",
                  file=sys.stderr)
            continue

        # 4. Ask the server, and show its answer
        try:
            reply = ask(server, guess, args.timeout, args.tries)
        except OSError as error:
            fail("cannot get an answer from {}:{}: {}".format(*address, error),
                 "is the server running? "
                 f"python3 crates/cmpu-guess-server/twin.py --port {args.port}")
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
    server.connect(address)
    return server
    # endregion: exercise


def ask(server, guess, timeout, tries):
    # region: exercise
    for attempt in range(1, tries + 1):
        # 5. Send the guess, again if its answer did not come
        if attempt > 1:
            print(f"no answer yet; sending again (try {attempt} of {tries})", file=sys.stderr)
        server.send(guess)

        # 6. Receive its answer within the time limit
        server.settimeout(timeout)
        try:
            return server.recv(BUFFER_SIZE).decode(errors="replace")
        except socket.timeout:
            pass
    raise OSError(f"none came in {tries} tries")
    # endregion: exercise


def show_error(kind, error, trace):
    # An error of the system is one line, and the exit code is 1. A mistake in
    # the program keeps its traceback.
    if issubclass(kind, OSError):
        print(f"Error: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def fail(error, hint):
    sys.exit(f"Error: {error}\nhint: {hint}")


main()
