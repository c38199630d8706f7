# Reads until its client has closed, which waits for the answer.
# check: dsd-hello --server "python3 {file} {port}"
# fails: whole waits-for-the-end
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    connection, peer = listener.accept()
    with connection:
        print(f"Connected by {peer}")
        data = b""
        while piece := connection.recv(1024):
            data += piece
        connection.sendall(b'I got "' + data + b'" from you and I am sending it back.')
