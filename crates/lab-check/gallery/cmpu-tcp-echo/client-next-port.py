# A client that connects to the next port, where no server listens.
# check: cmpu-tcp-echo --client "python3 {file} {port}"
# fails: sends other-address
# may fail: sends refused
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1]) + 1))
    message = b"This is the message. It will be repeated."
    server.sendall(message)
    received = 0
    while received < len(message):
        data = server.recv(16)
        received += len(data)
        print("received", data)
