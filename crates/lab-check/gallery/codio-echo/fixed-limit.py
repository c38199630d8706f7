# Has room for a conversation of 64 KiB, and ends it there.
# check: codio-echo --server "python3 {file} {port}"
# fails: large fixed-limit
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    connection, peer = listener.accept()
    with connection:
        print(f"Connected by {peer}")
        total = 0
        while total < 65536:
            data = connection.recv(1024)
            if not data:
                break
            connection.sendall(data)
            total += len(data)
