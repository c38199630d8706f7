# Serves one client after another, with room for one more in the queue of listen: others cannot even
# connect.
# check: dsd-eof --server "python3 {file} {port}"
# fails: side-by-side blocks-all
import socket
import sys

TOKEN = b"<EOF>"


def answer(text):
    return b'I got "' + text + b'" from you and I am sending it back.' + TOKEN


def serve(connection):
    buffer = b""
    with connection:
        try:
            while True:
                piece = connection.recv(65536)
                if not piece:
                    return
                buffer += piece
                while TOKEN in buffer:
                    text, buffer = buffer.split(TOKEN, 1)
                    connection.sendall(answer(text))
        except OSError:
            pass


with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen(1)
    while True:
        connection, peer = listener.accept()
        print(f"Connected by {peer}")
        serve(connection)
