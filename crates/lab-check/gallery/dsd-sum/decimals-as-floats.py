# Adds whole numbers as whole numbers, and all others as floats: 0.1 + 0.2 is 0.30000000000000004.
# check: dsd-sum --server "python3 {file} {port}"
# fails: decimals sum-rounds
import socket
import sys


def number(word):
    try:
        return int(word)
    except ValueError:
        return float(word)


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
                        answer = str(sum(map(number, request.split())))
                    except ValueError as error:
                        answer = f"error: {error}"
                    connection.sendall(answer.encode())
            except OSError as error:
                print(f"{peer}: {error}", file=sys.stderr)
