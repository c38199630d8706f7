# Takes send for sendall. With a time limit on the socket send takes only what there is room for.
# check: dsd-eof --server "python3 {file} {port}"
# fails: slow-reader send-for-sendall
import socket
import sys
import threading

TOKEN = b"<EOF>"


def answer(text):
    return b'I got "' + text + b'" from you and I am sending it back.' + TOKEN


def serve(connection):
    connection.settimeout(60)
    buffer = bytearray()
    with connection:
        try:
            while True:
                piece = connection.recv(65536)
                if not piece:
                    return
                buffer += piece
                while TOKEN in buffer[-len(piece) - len(TOKEN):]:
                    at = buffer.find(TOKEN)
                    connection.send(answer(buffer[:at]))
                    del buffer[:at + len(TOKEN)]
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
