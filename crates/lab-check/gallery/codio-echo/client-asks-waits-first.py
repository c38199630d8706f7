# Asks for its message only after the server has said something, which it never does by itself.
# check: codio-echo --client "python3 {file} {port}"
# fails: sends wrong-order
import socket
import sys

with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as server:
    print(server.recv(1024).decode())
    server.sendall(input("Your answer: ").encode())
    print(server.recv(1024).decode())
