# The program of the sheet, typed in as it is.
# check: codio-echo --client "python3 {file}"

import socket

HOST = "127.0.0.1"
PORT = 65432

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
    connection.connect((HOST, PORT))
    connection.sendall(b"Hello, world")
    data = connection.recv(1024)

print("Received", repr(data))
