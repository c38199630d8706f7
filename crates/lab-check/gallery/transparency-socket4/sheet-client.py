# The program of the sheet, typed in as it is.
# check: transparency-socket4 --client "python3 {file}"
# fails: crlf bare-lf

import socket
import sys

s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
print("Socket Created")

host = "www.google.co.uk"
port = 80

try:
    remote_ip = socket.gethostbyname(host)
except socket.gaierror:
    print("Hostname could not be resolved. Exiting")
    sys.exit()

s.connect((remote_ip, port))
print("Socket Connected to " + host + " on ip " + remote_ip)

message = "GET / HTTP/1.1\nHost: " + host + "\n\n"
try:
    s.sendall(message.encode())
except socket.error:
    print("Send failed")
    sys.exit()
print("Message send successfully")

reply = s.recv(4096)
print(reply)
