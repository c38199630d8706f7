# Ignores the port on its command line.
# check: co223-task01 --server "python3 {file} {port}"
# fails: whole not-listening
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1]) + 6000))
    listener.listen()
    while True:
        connection, peer = listener.accept()
        print(f"Connection from {peer} has been established.")
        connection.close()
