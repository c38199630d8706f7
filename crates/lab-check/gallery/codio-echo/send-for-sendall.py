# Waits with select, and takes send for sendall: it does not look at how much was sent, nor whether
# there was room.
# check: codio-echo --server "python3 {file} {port}"
# fails: slow-reader send-for-sendall
import select
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    connection, peer = listener.accept()
    with connection:
        connection.setblocking(False)
        print(f"Connected by {peer}")
        while True:
            select.select([connection], [], [])
            data = connection.recv(1024)
            if not data:
                break
            connection.send(data)
