# Waits with select for clients that it has accepted, and accepts none.
# check: co223-task03 --server "python3 {file} {port}"
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
        readable, _, _ = select.select(connections, [], [])
        for connection in readable:
            connection.sendall(connection.recv(1024))
