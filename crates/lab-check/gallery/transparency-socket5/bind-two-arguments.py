# Calls bind with two arguments, as the sheet does.
# check: transparency-socket5 --server "python3 {file} {port}"
# fails: whole crashes
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind("", int(sys.argv[1]))
    listener.listen(5)
    print("socket is listening")
    while True:
        connection, address = listener.accept()
        with connection:
            try:
                print("Got connection from", address)
                connection.sendall(b"Thank you for connecting")
            except OSError as error:
                print(error)
