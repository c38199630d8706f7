# Decodes each piece by itself, strictly, with one client at a time: bytes that are not text end the
# server.
# check: dsd-eof --server "python3 {file} {port}"
# fails: cut-character decodes-pieces
# fails: bytes dies-on-bytes
# fails: side-by-side blocks-all
import socket
import sys

TOKEN = b"<EOF>"


def answer(text):
    return b'I got "' + text + b'" from you and I am sending it back.' + TOKEN


def serve(connection):
    buffer = ""
    with connection:
        while True:
            try:
                piece = connection.recv(65536)
            except OSError:
                return
            if not piece:
                return
            buffer += piece.decode()
            while "<EOF>" in buffer:
                text, buffer = buffer.split("<EOF>", 1)
                connection.sendall(answer(text.encode()))


with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    while True:
        connection, peer = listener.accept()
        print(f"Connected by {peer}")
        serve(connection)
