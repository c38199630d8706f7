# Adds each request to the sum of those before it.
# check: dsd-sum --server "python3 {file} {port}"
# fails: several sum-keeps
import socket
import sys


def serve(connection):
    total = 0
    while True:
        request = connection.recv(1024)
        if not request:
            return
        try:
            total += sum(int(word) for word in request.split())
            answer = str(total)
        except ValueError as error:
            answer = f"error: {error}"
        connection.sendall(answer.encode())


with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    while True:
        connection, peer = listener.accept()
        print(f"Connected by {peer}")
        with connection:
            try:
                serve(connection)
            except OSError as error:
                print(f"{peer}: {error}", file=sys.stderr)
