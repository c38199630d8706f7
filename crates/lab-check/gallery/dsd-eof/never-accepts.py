# Listens and never calls accept.
# check: dsd-eof --server "python3 {file} {port}"
# fails: whole never-accepts
import socket
import sys
import threading

TOKEN = b"<EOF>"




with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    threading.Event().wait()
