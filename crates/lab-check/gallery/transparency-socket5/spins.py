# Asks a listener that does not block, again and again.
# check: transparency-socket5 --server "python3 {file} {port}"
# fails: at-rest spins
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", int(sys.argv[1])))
    listener.listen(5)
    print("socket is listening")
    listener.setblocking(False)
    while True:
        try:
            connection, address = listener.accept()
        except BlockingIOError:
            continue
        with connection:
            try:
                print("Got connection from", address)
                connection.sendall(b"Thank you for connecting")
            except OSError as error:
                print(error)
