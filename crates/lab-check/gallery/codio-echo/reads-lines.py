# Reads with readline: it waits for a line end.
# check: codio-echo --server "python3 {file} {port}"
# fails: whole waits-for-a-line
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    connection, peer = listener.accept()
    with connection:
        print(f"Connected by {peer}")
        lines = connection.makefile("rb")
        while line := lines.readline():
            connection.sendall(line)
