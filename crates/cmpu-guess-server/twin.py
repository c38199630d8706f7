"""Draws a number from 1 to 100 and answers guesses over UDP.

Rust:       src/main.rs
Terminal 1: python3 crates/cmpu-guess-server/twin.py --port 9900
Terminal 2: python3 crates/cmpu-guess-client/twin.py --port 9900
"""

import argparse
import decimal
import random
import re
import socket
import sys

BUFFER_SIZE = 65_535
QUOTE_LIMIT = 64
WHITE_SPACE = " \t\n\v\f\r"


def answer(guess, secret):
    text = guess.decode(errors="replace").strip(WHITE_SPACE)
    # int() alone would also take "1_000" and "٤٢", and since 3.11 no more than 4,300 digits; Decimal takes any number.
    if not re.fullmatch("[+-]?[0-9]+", text):
        quote = text if len(text) <= QUOTE_LIMIT else text[:QUOTE_LIMIT] + "…"
        return f'ERROR: "{quote}" is not a whole number'
    number = decimal.Decimal(text)
    return "HIGHER" if secret > number else "LOWER" if secret < number else "CORRECT"


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret", type=int, choices=range(1, 101), metavar="SECRET")
    args = parser.parse_args()

    # region: exercise
    # 1. Draw the number: one for all clients
    secret = args.secret or random.randint(1, 100)

    # 2. Create the socket: one for all clients
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    # 3. Bind it to the server's address: from here on datagrams can come
    server.bind((args.host, args.port))
    print("listening on {}:{}".format(*server.getsockname()), file=sys.stderr)

    while True:
        # 4. Receive a guess and the address it came from
        try:
            guess, client = server.recvfrom(BUFFER_SIZE)
        except OSError as error:
            print(f"cannot receive a datagram: {error}", file=sys.stderr)
            continue

        # 5. Compare it with the number
        reply = answer(guess, secret)
        print(f"Guess {guess[:QUOTE_LIMIT]} from {client}: {reply.split(':')[0]}")

        # 6. Send the answer back there
        try:
            server.sendto(reply.encode(), client)
        except OSError as error:
            print(f"{client}: cannot send the answer: {error}", file=sys.stderr)
    # endregion: exercise


main()
