# Does not look for the end: the sum of nothing is 0, and is sent until the client is gone.
# check: dsd-sum --server "python3 {file} {port}"
# fails: half-close answers-the-end
import socket
import sys


def serve(connection):
    while True:
        request = connection.recv(1024)
        try:
            answer = str(sum(int(word) for word in request.split()))
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
