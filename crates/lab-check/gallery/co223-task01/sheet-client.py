# The program of the sheet, typed in as it is.
# check: co223-task01 --client "python3 {file}"

import socket

connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
connection.connect((socket.gethostname(), 1234))
