# Ends each connection with shutdown: that fails when the client has broken it off, and ends the
# server.
# check: co223-task01 --server "python3 {file} {port}"
# fails: reset dies-on-reset
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    while True:
        connection, peer = listener.accept()
        print(f"Connection from {peer} has been established.")
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()
