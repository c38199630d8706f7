# Names the one reason that it knows, whatever the reason is.
# check: transparency-socket2 --program "python3 {file}"
# fails: reason socket-no-reason
import socket
import sys

try:
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
except OSError as error:
    print("Failed to create socket. Error code: 24 , Error message : Too many open files")
    sys.exit(1)
print("Socket Created")
