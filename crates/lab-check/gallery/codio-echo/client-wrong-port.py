# Connects to the port of another exercise, which is written into the program.
# check: codio-echo --client "python3 {file}"
# fails: sends other-address
# may fail: sends refused
import socket

HOST = "127.0.0.1"
PORT = 65431

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect((HOST, PORT))
    server.sendall(b"Hello, world")
    data = server.recv(1024)
print(f"Received {data!r}")
