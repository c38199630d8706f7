# One recv into a buffer of 100 bytes, one sendall, and close: of a longer message the rest stays
# unread.
# check: cmpu-tcp-echo --server "python3 {file} {port}"
# fails: bytes small-buffer
# fails: exact-buffer small-buffer
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen(5)
    while True:
        connection, peer = listener.accept()
        with connection:
            try:
                if message := connection.recv(100):
                    connection.sendall(message)
            except OSError as error:
                print(f"{peer}: {error}", file=sys.stderr)
