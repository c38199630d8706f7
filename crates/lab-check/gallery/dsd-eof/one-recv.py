# Treats one recv as one message: what recv gives is answered, whether the end mark is in it or not.
# check: dsd-eof --server "python3 {file} {port}"
# fails: byte-by-byte one-recv
# fails: cut-text one-recv
# fails: overlap one-recv
# fails: two-in-one one-recv
# fails: exact-buffer one-recv
import socket
import sys
import threading

TOKEN = b"<EOF>"


def answer(text):
    return b'I got "' + text + b'" from you and I am sending it back.' + TOKEN


def serve(connection):
    with connection:
        try:
            while True:
                piece = connection.recv(65536)
                if not piece:
                    return
                connection.sendall(answer(piece.replace(TOKEN, b"")))
        except OSError:
            pass


with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    while True:
        connection, peer = listener.accept()
        print(f"Connected by {peer}")
        threading.Thread(target=serve, args=(connection,), daemon=True).start()
