# Waits with select until somebody comes, and forgets to call accept.
# check: codio-echo --server "python3 {file} {port}"
# fails: whole never-accepts
import select
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    connections = []
    while True:
        select.select(connections, [], [])
        for connection in connections:
            connection.sendall(connection.recv(1024))
