"""Sends numbers to the sum server and shows what it answers.

Rust:       src/main.rs
Terminal 1: python3 crates/dsd-sum-server/twin.py
Terminal 2: python3 crates/dsd-sum-client/twin.py 1 2 3 4 5
"""

import argparse
import socket
import sys

BUFFER_SIZE = 1024


def ask(server, request):
    if not request:
        print("an empty line is no request; it is left out", file=sys.stderr)
        return

    # region: exercise
    # 4. Send the request
    server.sendall(request.encode())

    # 5. Receive the answer: whatever one recv gives
    answer = server.recv(BUFFER_SIZE)
    if not answer:
        sys.exit("the server closed the connection without an answer")
    print(f"Server says: {answer.decode(errors='replace')}")
    # endregion: exercise


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=65432)
    parser.add_argument("numbers", nargs="*", default=["1", "2", "3", "4", "5"])
    args = parser.parse_args()

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        # 2. Connect to the server: TCP's handshake
        server.connect((args.host, args.port))

        # 3. Send each request and show its answer
        if args.numbers == ["-"]:
            for line in sys.stdin:
                ask(server, line.rstrip("\r\n"))
        else:
            ask(server, " ".join(args.numbers))
    # endregion: exercise


main()
