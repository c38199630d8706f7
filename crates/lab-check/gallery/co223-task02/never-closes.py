# Sends its message and keeps the connection open: the client never learns that this was all.
# check: co223-task02 --server "python3 {file} {port}"
# fails: whole never-closes
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    clients = []
    while True:
        connection, peer = listener.accept()
        print(f"Connection from {peer} has been established.")
        connection.sendall(b"Welcome to the server!")
        clients.append(connection)
