"""Receives one <EOF> message a client in Python and answers with its length: receive.py
find|natural PIECE

find     appends to a bytearray and searches from where the last search ended, less the token's
length natural  what one writes first: `while token not in data: data += connection.recv(...)`,
which begins the search
         again at each piece and is quadratic
"""

import socket
import sys

TOKEN = b"<EOF>"


def find(connection, piece):
    data = bytearray()
    searched = 0
    while True:
        received = connection.recv(piece)
        if not received:
            raise EOFError("the stream ended in the middle of a message")
        data += received
        at = data.find(TOKEN, searched)
        if at >= 0:
            return at
        searched = max(0, len(data) - len(TOKEN) + 1)


def natural(connection, piece):
    data = b""
    while TOKEN not in data:
        received = connection.recv(piece)
        if not received:
            raise EOFError("the stream ended in the middle of a message")
        data += received
    return data.index(TOKEN)


def main():
    receive = {"find": find, "natural": natural}[sys.argv[1]]
    piece = int(sys.argv[2])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print("listening on {}:{}".format(*listener.getsockname()), file=sys.stderr, flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"%d\n" % receive(connection, piece))


main()
