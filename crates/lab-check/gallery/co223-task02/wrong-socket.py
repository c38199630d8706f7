# Sends on the listening socket, which is connected to no client.
# check: co223-task02 --server "python3 {file} {port}"
# fails: whole closes-early
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    while True:
        connection, peer = listener.accept()
        print(f"Connection from {peer} has been established.")
        with connection:
            try:
                listener.sendall(b"Welcome to the server!")
            except OSError as error:
                print(f"{peer}: {error}", file=sys.stderr)
