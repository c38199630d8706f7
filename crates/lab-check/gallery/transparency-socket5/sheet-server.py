# The program of the sheet, typed in as it is.
# check: transparency-socket5 --server "python3 {file}"
# fails: reset dies-on-reset

import socket

s = socket.socket()
print("Socket successfully created")
port = 12345
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", port))
print("socket binded to %s" % port)
s.listen(5)
print("socket is listening")

while True:
    c, addr = s.accept()
    print("Got connection from", addr)
    c.send(b"Thank you for connecting")
    c.close()

s.close()
