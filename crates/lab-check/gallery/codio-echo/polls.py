# Makes the socket non-blocking, and asks it again and again whether something has come.
# check: codio-echo --server "python3 {file} {port}"
# fails: at-rest spins
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
            try:
                data = connection.recv(1024)
            except BlockingIOError:
                continue
            if not data:
                break
            connection.setblocking(True)
            connection.sendall(data)
            connection.setblocking(False)
