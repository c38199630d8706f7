# A right answer.
# check: transparency-socket2 --program "python3 {file}"
import socket
import sys

try:
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
except OSError as error:
    print(f"Failed to create socket. Error code: {error.errno} , Error message : {error.strerror}")
    sys.exit(1)
print("Socket Created")
