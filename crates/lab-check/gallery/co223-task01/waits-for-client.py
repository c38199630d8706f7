# Waits for a word of its client, who has none to say: a silent one holds up all the others.
# check: co223-task01 --server "python3 {file} {port}"
# fails: silent-client blocks-all
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    while True:
        connection, peer = listener.accept()
        print(f"Connection from {peer} has been established.")
        try:
            connection.recv(1024)
        except OSError as error:
            print(error, file=sys.stderr)
        connection.close()
