# The program of the sheet, typed in as it is.
# check: dsd-hello --client "python3 {file}"
# fails: cut-character half-character

import socket

HOST = "127.0.0.1"
PORT = 65432

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
    connection.connect((HOST, PORT))
    connection.sendall("Hello world".encode("utf-8"))
    data = connection.recv(1024)
    print("Server says:", data.decode("utf-8"))
