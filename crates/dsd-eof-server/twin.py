"""Answers messages of any size that end with `<EOF>`, for many clients side by side.

Rust:       src/main.rs
Terminal 1: python3 crates/dsd-eof-server/twin.py
Terminal 2: python3 crates/dsd-eof-client/twin.py 'Hello world'
"""

import argparse
import socket
import sys
import threading
import time

TOKEN = b"<EOF>"
PIECE_SIZE = 64 * 1024
CLIENTS_LIMIT = 200
DRAIN_LIMIT = 64 * 1024 * 1024


class TooLong(Exception):
    pass


def read_message(connection, data, max_message):
    """The next message without its token, or None at the end of the stream; `data` keeps what came behind it."""
    searched = 0
    while True:
        end = data.find(TOKEN, searched)
        # No token begins before here. Only the last four bytes are searched again with the next piece: with
        # `while TOKEN not in data` the time would grow with the square of the length.
        searched = end if end >= 0 else max(0, len(data) - len(TOKEN) + 1)
        if searched > max_message:
            raise TooLong(f"the message is longer than the limit of {max_message} bytes")
        if end >= 0:
            message = bytes(data[:end])
            del data[:end + len(TOKEN)]
            return message
        piece = connection.recv(PIECE_SIZE)
        if not piece:
            if data:
                raise EOFError(f"the stream ended in the middle of a message, after {len(data)} bytes of it")
            return None
        data += piece


def close_gracefully(connection, patience):
    connection.shutdown(socket.SHUT_WR)
    deadline = time.monotonic() + patience
    dropped = 0
    while dropped < DRAIN_LIMIT and time.monotonic() < deadline:
        piece = connection.recv(PIECE_SIZE)
        if not piece:
            break
        dropped += len(piece)


def serve(connection, max_message):
    data = bytearray()
    # region: exercise
    while True:
        # 8. Receive until the token: it may come cut anywhere, or with the next message behind it
        try:
            message = read_message(connection, data, max_message)
        # 9. Refuse a message above the limit and hang up: where the next one begins is not known
        except TooLong as error:
            connection.sendall(f"error: {error}".encode() + TOKEN)
            close_gracefully(connection, connection.gettimeout())
            raise
        if message is None:
            return

        # 10. Send the answer with its token
        text = message.decode(errors="replace")
        connection.sendall(f'I got "{text}" from you and I am sending it back.'.encode() + TOKEN)
    # endregion: exercise


def run(connection, peer, semaphore, args):
    with connection:
        connection.settimeout(args.timeout)
        try:
            serve(connection, args.max_message)
        except (OSError, EOFError, TooLong) as error:
            print(f"{peer}: {error}", file=sys.stderr)
    semaphore.release()


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=65432)
    parser.add_argument("--max-message", type=int, default=64 * 1024 * 1024)
    parser.add_argument("--timeout", type=float, default=600)
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

    semaphore = threading.Semaphore(CLIENTS_LIMIT)
    while True:
        # 5. Wait for a free permit: a thread and a message take memory, and the number of clients is unbounded
        semaphore.acquire()

        # 6. Accept a client: a new socket, for this client alone
        connection, peer = listener.accept()
        print(f"Connected by {peer}")

        # 7. Serve it in a thread of its own: the others need not wait
        threading.Thread(target=run, args=(connection, peer, semaphore, args), daemon=True).start()
    # endregion: exercise


main()
