# Keeps the whole piece of memory that recv was given, and not only the bytes that came.
# check: dsd-eof --server "python3 {file} {port}"
# fails: several whole-buffer
# fails: cut-text whole-buffer
import socket
import sys
import threading

TOKEN = b"<EOF>"


def serve(connection):
    buffer = bytearray()
    searched = 0
    with connection:
        try:
            while True:
                piece = bytearray(1024)
                if connection.recv_into(piece) == 0:
                    return
                buffer += piece
                while True:
                    at = buffer.find(TOKEN, searched)
                    if at < 0:
                        searched = max(0, len(buffer) - len(TOKEN) + 1)
                        break
                    text = buffer[:at]
                    del buffer[:at + len(TOKEN)]
                    searched = 0
                    connection.sendall(b'I got "' + text + b'" from you and I am sending it back.' + TOKEN)
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
