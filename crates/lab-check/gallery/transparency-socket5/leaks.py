# Ends its clients' connections without closing their sockets.
# check: transparency-socket5 --server "python3 {file} {port}"
# fails: many leaks-descriptors
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", int(sys.argv[1])))
    listener.listen(5)
    print("socket is listening")
    all = []
    while True:
        connection, address = listener.accept()
        all.append(connection)
        if connection:
            try:
                print("Got connection from", address)
                connection.sendall(b"Thank you for connecting")
                connection.shutdown(socket.SHUT_WR)
            except OSError as error:
                print(error)
