# Adds with floating-point numbers, which keep 15 digits or so.
# check: dsd-sum --server "python3 {file} {port}"
# fails: large-numbers wrong-sum
import socket
import sys


def serve(connection):
    while True:
        request = connection.recv(1024)
        if not request:
            return
        try:
            answer = f"{sum(float(word) for word in request.split()):.0f}"
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
