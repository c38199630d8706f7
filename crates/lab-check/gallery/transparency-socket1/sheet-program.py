# The program of the sheet, typed in as it is.
# check: transparency-socket1 --program "python3 {file}"

import socket

s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
