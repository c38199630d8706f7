# Prints what accept would have told, and never calls it.
# check: co223-task01 --server "python3 {file} {port}"
# fails: whole never-accepts
import socket
import sys
import threading

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    print("Waiting for connections.")
    threading.Event().wait()
