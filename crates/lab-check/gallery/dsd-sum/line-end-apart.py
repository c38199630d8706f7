# Sends a line end after the sum, with a separate send.
# check: dsd-sum --server "python3 {file} {port}"
# fails: whole extra-bytes
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    while True:
        connection, peer = listener.accept()
        print(f"Connected by {peer}")
        with connection:
            try:
                while request := connection.recv(1024):
                    try:
                        answer = str(sum(map(int, request.split())))
                    except ValueError as error:
                        answer = f"error: {error}"
                    connection.sendall(answer.encode())
                    connection.sendall(b"\n")
            except OSError as error:
                print(f"{peer}: {error}", file=sys.stderr)
