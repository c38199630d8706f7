# The program of the sheet, typed in as it is.
# check: co223-task02 --client "python3 {file}"
# fails: cut-character decodes-pieces

import socket

connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
connection.connect((socket.gethostname(), 1234))

whole = ""
while True:
    message = connection.recv(8)
    if len(message) <= 0:
        break
    whole += message.decode("utf-8")
print(whole)
