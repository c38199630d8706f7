# Sends the echo and keeps the connection open.
# check: cmpu-tcp-echo --server "python3 {file} {port}"
# fails: half-close never-closes
import socket
import sys


def serve(connection):
    data = connection.recv(2048)
    print(f"Data: {data.decode(errors='replace')}")
    if data:
        connection.sendall(data)


with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    clients = []
    while True:
        connection, peer = listener.accept()
        print(f"Connected: {peer}")
        clients.append(connection)
        try:
            serve(connection)
        except OSError as error:
            print(f"{peer}: {error}", file=sys.stderr)
