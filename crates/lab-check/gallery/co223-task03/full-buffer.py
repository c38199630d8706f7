# Treats a full buffer as a sign that more will come: it waits for a shorter piece.
# check: co223-task03 --server "python3 {file} {port}"
# fails: exact-buffer full-buffer
import socket
import sys


def serve(connection):
    while True:
        data = connection.recv(1024)
        while data and len(data) % 1024 == 0:
            data += connection.recv(1024)
        if not data:
            return
        connection.sendall(data)


with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    while True:
        connection, peer = listener.accept()
        print(f"Connection from {peer} has been established.")
        with connection:
            try:
                serve(connection)
            except OSError as error:
                print(f"{peer}: {error}", file=sys.stderr)
