# The program of the sheet, typed in as it is.
# check: codio-echo --server "python3 {file}"
# fails: restart no-reuseaddr

import socket

HOST = "127.0.0.1"
PORT = 65432

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.bind((HOST, PORT))
    listener.listen()
    connection, address = listener.accept()
    with connection:
        print("Connected by", address)
        while True:
            data = connection.recv(1024)
            if not data:
                break
            connection.sendall(data)
