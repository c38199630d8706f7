# The program of the sheet, typed in as it is.
# check: co223-task03 --client "python3 {file}"
# fails: pieces one-recv

import socket

connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
connection.connect((socket.gethostname(), 1234))
connection.send(bytes("Hello, server!", "utf-8"))
message = connection.recv(1024)
print(message.decode("utf-8"))
connection.close()
