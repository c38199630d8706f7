# Catches the failure, and then says that it has a socket.
# check: transparency-socket2 --program "python3 {file}"
# fails: refused socket-said-anyway
import socket
import sys

try:
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
except OSError as error:
    print(f"Failed to create socket. Error code: {error.errno} , Error message : {error.strerror}")
print("Socket Created")
