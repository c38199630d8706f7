# Waits for a word of its client before it sends the message.
# check: co223-task02 --server "python3 {file} {port}"
# fails: whole wrong-order
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
                connection.recv(1024)
                connection.sendall(b"Welcome to the server!")
            except OSError as error:
                print(f"{peer}: {error}", file=sys.stderr)
