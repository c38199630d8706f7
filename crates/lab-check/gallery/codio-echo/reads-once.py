# Answers one message and closes, although its client may send more.
# check: codio-echo --server "python3 {file} {port}"
# fails: several reads-once
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    connection, peer = listener.accept()
    with connection:
        print(f"Connected by {peer}")
        data = connection.recv(1024)
        connection.sendall(data)
