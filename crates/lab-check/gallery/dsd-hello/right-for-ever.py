# A right answer to exercise 3: continues with the next client.
# check: dsd-hello --server "python3 {file} {port}"
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    while True:
        connection, peer = listener.accept()
        with connection:
            print(f"Connected by {peer}")
            try:
                while data := connection.recv(1024):
                    connection.sendall(b'I got "' + data + b'" from you and I am sending it back.')
            except OSError as error:
                print(f"{peer}: {error}", file=sys.stderr)
