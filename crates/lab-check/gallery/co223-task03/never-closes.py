# Leaves the loop when its client has ended its direction, but never closes the connection.
# check: co223-task03 --server "python3 {file} {port}"
# fails: half-close never-closes
import socket
import sys


def serve(connection):
    while True:
        data = connection.recv(1024)
        if not data:
            return
        connection.sendall(data)


with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    clients = []
    while True:
        connection, peer = listener.accept()
        print(f"Connection from {peer} has been established.")
        clients.append(connection)
        try:
            serve(connection)
        except OSError as error:
            print(f"{peer}: {error}", file=sys.stderr)
