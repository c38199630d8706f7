# Treats a full buffer as a sign that more will come: it waits for a shorter piece.
# check: dsd-eof --server "python3 {file} {port}"
# fails: exact-buffer full-buffer
# may fail: large fixed-limit
import socket
import sys
import threading

TOKEN = b"<EOF>"


def answer(text):
    return b'I got "' + text + b'" from you and I am sending it back.' + TOKEN


def serve(connection):
    buffer = b""
    with connection:
        try:
            while True:
                piece = connection.recv(1024)
                if not piece:
                    return
                buffer += piece
                if len(piece) == 1024:
                    continue
                while TOKEN in buffer:
                    text, buffer = buffer.split(TOKEN, 1)
                    connection.sendall(answer(text))
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
