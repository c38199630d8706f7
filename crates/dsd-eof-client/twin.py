"""Sends messages of any size that end with `<EOF>` and shows the server's answers.

Rust:       src/main.rs
Terminal 1: python3 crates/dsd-eof-server/twin.py
Terminal 2: python3 crates/dsd-eof-client/twin.py 'Hello world'
"""

import argparse
import socket
import sys

TOKEN = b"<EOF>"
PIECE_SIZE = 64 * 1024


def frame(message):
    if TOKEN in message:
        sys.exit("cannot send this text: it holds <EOF>, which ends a message")
    return message + TOKEN


def read_answer(server, data):
    searched = 0
    while True:
        end = data.find(TOKEN, searched)
        if end >= 0:
            answer = bytes(data[:end])
            del data[:end + len(TOKEN)]
            return answer
        searched = max(0, len(data) - len(TOKEN) + 1)
        piece = server.recv(PIECE_SIZE)
        if not piece:
            sys.exit("the server closed the connection without an answer")
        data += piece


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=65432)
    parser.add_argument("messages", nargs="*", default=["Hello world"])
    args = parser.parse_args()

    # region: exercise
    # 1. Put the token behind each message: a text that holds it would arrive as two
    if args.messages == ["-"]:
        frames = [frame(sys.stdin.buffer.read())]
    else:
        frames = [frame(message.encode()) for message in args.messages]

    # 2. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        # 3. Connect to the server: TCP's handshake
        server.connect((args.host, args.port))

        data = bytearray()
        for message in frames:
            # 4. Send a message with its token
            failure = None
            try:
                server.sendall(message)
            except OSError as error:
                failure = f"cannot send the message: {error}"

            # 5. Receive the answer until its token
            answer = read_answer(server, data)
            print(f"Server says: {answer.decode(errors='replace')}")
            if failure:
                sys.exit(failure)
    # endregion: exercise


main()
