# The program of the sheet, where it reads once, typed in as it is.
# check: co223-task02 --client "python3 {file}"
# fails: pieces one-recv

import socket

connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
connection.connect((socket.gethostname(), 1234))
message = connection.recv(1024)
print(message.decode("utf-8"))
