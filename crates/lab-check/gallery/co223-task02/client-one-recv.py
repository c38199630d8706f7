# A client that treats one recv as the whole message.
# check: co223-task02 --client "python3 {file} {port}"
# fails: pieces one-recv
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    message = server.recv(1024)
print(message.decode(errors="replace"))
