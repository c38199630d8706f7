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


def open_socket(address):
    # region: exercise
    # 1. Create the socket
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    # 2. Connect it to the server: datagrams of others no longer come in
    server.connect(address)
    return server
    # endregion: exercise


def ask(server, guess, args):
    # region: exercise
    for attempt in range(1, args.tries + 1):
        # 5. Send the guess, again if its answer did not come
        if attempt > 1:
            print(f"no answer yet; sending again (try {attempt} of {args.tries})", file=sys.stderr)
        server.send(guess)

        # 6. Receive its answer within the time limit
        server.settimeout(args.timeout)
        try:
            return server.recv(BUFFER_SIZE).decode(errors="replace")
        except socket.timeout:
            pass
    sys.exit(f"no answer after {args.tries} tries")
    # endregion: exercise


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--timeout", type=float, default=1)
    parser.add_argument("--tries", type=int, default=5)
    args = parser.parse_args()

    server = open_socket((args.host, args.port))
    # region: exercise
    while True:
        # 3. Read a guess from the user
        if sys.stdin.isatty():
            print("Your guess, from 1 to 100:", file=sys.stderr)
        guess = sys.stdin.buffer.readline()
        if not guess:
            sys.exit("the input ended before the number was guessed")
        guess = guess.rstrip(b"\r\n")
        if len(guess) > LONGEST_GUESS:
            print(f"a datagram carries at most {LONGEST_GUESS} bytes; this guess is left out",
                  file=sys.stderr)
            continue

        # 4. Ask the server, and show its answer
        answer = ask(server, guess, args)
        print(answer)
        if answer.strip() == "CORRECT":
            return

        # 7. Take a fresh socket for the next guess
        server = open_socket((args.host, args.port))
    # endregion: exercise


main()
