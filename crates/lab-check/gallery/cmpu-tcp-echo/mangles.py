# Decodes the message and encodes it again, and leaves out what is not text.
# check: cmpu-tcp-echo --server "python3 {file} {port}"
# fails: bytes mangles-binary
import socket
import sys


def serve(connection):
    data = connection.recv(2048)
    print(f"Data: {data.decode(errors='replace')}")
    if data:
        connection.sendall(data.decode(errors="ignore").encode())


with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    while True:
        connection, peer = listener.accept()
        print(f"Connected: {peer}")
        with connection:
            try:
                serve(connection)
            except OSError as error:
                print(f"{peer}: {error}", file=sys.stderr)
