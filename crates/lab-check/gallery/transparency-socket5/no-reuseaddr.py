# Does not set SO_REUSEADDR.
# check: transparency-socket5 --server "python3 {file} {port}"
# fails: restart no-reuseaddr
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.bind(("", int(sys.argv[1])))
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
