# Takes an empty recv for "nothing yet" and asks again at once.
# check: codio-echo --server "python3 {file} {port}"
# fails: half-close spins
# fails: reset spins
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    connection, peer = listener.accept()
    with connection:
        print(f"Connected by {peer}")
        while True:
            data = connection.recv(1024)
            if not data:
                continue
            connection.sendall(data)
