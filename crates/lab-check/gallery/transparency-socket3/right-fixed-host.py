# The host is written into the program, as on the sheet, and is resolved.
# check: transparency-socket3 --client "python3 {file}"
import socket
import sys

HOST = "www.google.co.uk"
PORT = 80

try:
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
except OSError as error:
    print("Failed to create socket. Error:", error)
    sys.exit(1)
print("Socket Created")
try:
    ip = socket.gethostbyname(HOST)
except socket.gaierror:
    print("Hostname could not be resolved. Exiting")
    sys.exit(1)
print(f"IP address of {HOST} is {ip}")
server.connect((ip, PORT))
print(f"Socket Connected to {HOST} on ip {ip}")
