# Counts how much of the end mark has matched, and begins again at nothing when the text continues
# differently.
# check: dsd-eof --server "python3 {file} {port}"
# fails: overlap false-start
import socket
import sys
import threading

TOKEN = b"<EOF>"


def answer(text):
    return b'I got "' + text + b'" from you and I am sending it back.' + TOKEN


def serve(connection):
    text = bytearray()
    matched = 0
    with connection:
        try:
            while True:
                piece = connection.recv(65536)
                if not piece:
                    return
                for byte in piece:
                    text.append(byte)
                    matched = matched + 1 if byte == TOKEN[matched] else 0
                    if matched == len(TOKEN):
                        connection.sendall(answer(text[:-matched]))
                        text.clear()
                        matched = 0
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
