# One request for each client, added as floats: 15.0 for 15.
# check: dsd-sum --server "python3 {file} {port}"
# fails: whole sum-as-float
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                request = connection.recv(1024)
                connection.sendall(str(sum(float(word) for word in request.split())).encode())
            except (OSError, ValueError) as error:
                print(error, file=sys.stderr)
