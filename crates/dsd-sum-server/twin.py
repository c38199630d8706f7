"""Adds the numbers that a client sends, for one client after another.

Rust:       src/main.rs
Terminal 1: python3 crates/dsd-sum-server/twin.py
Terminal 2: python3 crates/dsd-sum-client/twin.py 1 2 3 4 5
"""

import argparse
import decimal
import re
import socket
import sys
import time

BUFFER_SIZE = 1024
QUOTE_LIMIT = 64
TOO_LONG = ("error: a request of 1024 bytes or more may be cut short; "
            "exercise 5, with <EOF>, takes messages of any size")

# Decimal rounds to 28 digits unless it is told to keep more than a request can hold.
decimal.getcontext().prec = 2 * BUFFER_SIZE


def answer(request):
    words = [word.decode(errors="replace") for word in request.split()]
    for word in words:
        # Checked by hand: Decimal alone would also take "1e5", "1_000" and "NaN".
        if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", word):
            quote = word if len(word) <= QUOTE_LIMIT else word[:QUOTE_LIMIT] + "…"
            return f'error: "{quote}" is not a number'
    return format(sum(map(decimal.Decimal, words), decimal.Decimal(0)), "f")


def serve(connection):
    # region: exercise
    while True:
        # 6. Receive a request: whatever one recv gives
        request = connection.recv(BUFFER_SIZE)
        if not request:
            return

        # 7. Refuse what fills the buffer: the rest may still be on its way
        if len(request) == BUFFER_SIZE:
            connection.sendall(TOO_LONG.encode())
            connection.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + connection.gettimeout()
            while time.monotonic() < deadline and connection.recv(BUFFER_SIZE):
                pass
            raise ConnectionError("hung up after a request that filled the buffer")

        # 8. Send the sum back
        connection.sendall(answer(request).encode())
    # endregion: exercise


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=65432)
    parser.add_argument("--timeout", type=float, default=60)
    args = parser.parse_args()

    # region: exercise
    # 1. Create the listening socket
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    # 2. Allow the port to be used again at once
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    # 3. Bind it to the server's address
    listener.bind((args.host, args.port))

    # 4. Listen: from here on the system completes handshakes
    listener.listen()
    print("listening on {}:{}".format(*listener.getsockname()), file=sys.stderr)

    while True:
        # 5. Accept a client: a new socket, for this client alone
        connection, peer = listener.accept()
        print(f"Connected by {peer}")
        with connection:
            connection.settimeout(args.timeout)
            try:
                serve(connection)
            except OSError as error:
                print(f"{peer}: {error}", file=sys.stderr)
    # endregion: exercise


main()
