# Quotes the whole buffer in its answer, and not only the bytes that came.
# check: dsd-hello --server "python3 {file} {port}"
# fails: whole whole-buffer
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
            buffer = bytearray(1024)
            if connection.recv_into(buffer) == 0:
                break
            connection.sendall(b'I got "' + buffer + b'" from you and I am sending it back.')
