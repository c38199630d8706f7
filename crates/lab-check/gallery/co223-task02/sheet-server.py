# The program of the sheet, typed in as it is.
# check: co223-task02 --server "python3 {file}"
# fails: reset dies-on-reset
# fails: restart no-reuseaddr

import socket

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind((socket.gethostname(), 1234))
listener.listen(5)

while True:
    connection, address = listener.accept()
    print(f"Connection from {address} has been established.")
    connection.send(bytes("Welcome to the server!", "utf-8"))
    connection.close()
