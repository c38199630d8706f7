# Treats a full buffer as a sign that more will come: it waits for a shorter piece.
# check: cmpu-tcp-echo --server "python3 {file} {port}"
# fails: exact-buffer full-buffer
import socket
import sys


def serve(connection):
    data = piece = connection.recv(1024)
    while len(piece) == 1024:
        piece = connection.recv(1024)
        data += piece
    print(f"Data: {data.decode(errors='replace')}")
    if data:
        connection.sendall(data)


with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    while True:
        connection, peer = listener.accept()
        print(f"Connected: {peer}")
        with connection:
            try:
                serve(connection)
            except OSError as error:
                print(f"{peer}: {error}", file=sys.stderr)
