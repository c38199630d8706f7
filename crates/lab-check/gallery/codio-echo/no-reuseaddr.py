# Does not set SO_REUSEADDR: the port stays taken for a minute after it has ended.
# check: codio-echo --server "python3 {file} {port}"
# fails: restart no-reuseaddr
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    connection, peer = listener.accept()
    with connection:
        print(f"Connected by {peer}")
        while True:
            data = connection.recv(1024)
            if not data:
                break
            connection.sendall(data)
