# Makes the listening socket non-blocking, and asks it again and again whether somebody has come.
# check: co223-task01 --server "python3 {file} {port}"
# fails: at-rest spins
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    listener.setblocking(False)
    while True:
        try:
            connection, peer = listener.accept()
        except BlockingIOError:
            continue
        print(f"Connection from {peer} has been established.")
        connection.close()
