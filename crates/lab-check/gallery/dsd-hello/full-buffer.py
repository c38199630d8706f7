# Treats a full buffer as a sign that more will come: it waits for a shorter piece.
# check: dsd-hello --server "python3 {file} {port}"
# fails: exact-buffer full-buffer
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    connection, peer = listener.accept()
    with connection:
        print(f"Connected by {peer}")
        while True:
            data = piece = connection.recv(1024)
            while len(piece) == 1024:
                piece = connection.recv(1024)
                data += piece
            if not data:
                break
            connection.sendall(b'I got "' + data + b'" from you and I am sending it back.')
