# Binds an address that this machine does not have.
# check: transparency-socket5 --server "python3 {file} {port}"
# fails: whole cannot-bind
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("192.0.2.50", int(sys.argv[1])))
    listener.listen(5)
    while True:
        connection, address = listener.accept()
        with connection:
            print("Got connection from", address)
            connection.sendall(b"Thank you for connecting")
