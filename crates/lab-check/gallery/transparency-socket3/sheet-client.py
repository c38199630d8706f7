# The program of the sheet, typed in as it is.
# check: transparency-socket3 --client "python3 {file}"

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

print("Ip address of " + host + " is " + remote_ip)
s.connect((remote_ip, port))
print("Socket Connected to " + host + " on ip " + remote_ip)
