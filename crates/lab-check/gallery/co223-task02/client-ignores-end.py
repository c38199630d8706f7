# A client that takes an empty recv for "nothing yet".
# check: co223-task02 --client "python3 {file} {port}"
# fails: prints not-printed
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    message = b""
    while len(message) < 1024 * 1024:
        message += server.recv(1024)
print(message.decode(errors="replace"))
