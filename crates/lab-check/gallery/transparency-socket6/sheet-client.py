# The program of the sheet, typed in as it is.
# check: transparency-socket6 --client "python3 {file}"

import socket

s = socket.socket()
port = 12345
s.connect(("127.0.0.1", port))
print(s.recv(1024))
s.close()
