# A right server that talks much: a prompt without a line end, and a line for each message.
# check: codio-echo --server "python3 {file} {port}"
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    print("Waiting... ", end="")
    connection, peer = listener.accept()
    print("hello", peer)
    with connection:
        try:
            while message := connection.recv(1024):
                print("got", len(message))
                connection.sendall(message)
        except OSError as error:
            print(error)
