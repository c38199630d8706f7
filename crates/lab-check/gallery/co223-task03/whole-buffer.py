# Sends the whole buffer back, and not only the bytes that came.
# check: co223-task03 --server "python3 {file} {port}"
# fails: whole whole-buffer
import socket
import sys


def serve(connection):
    while True:
        buffer = bytearray(1024)
        if connection.recv_into(buffer) == 0:
            return
        connection.sendall(buffer)


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
