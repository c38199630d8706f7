# Does not set SO_REUSEADDR: the port stays taken for a minute after it has ended.
# check: co223-task01 --server "python3 {file} {port}"
# fails: restart no-reuseaddr
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    while True:
        connection, peer = listener.accept()
        print(f"Connection from {peer} has been established.")
        connection.close()
