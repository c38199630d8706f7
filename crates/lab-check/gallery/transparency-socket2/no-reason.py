# Says that it failed, and not why.
# check: transparency-socket2 --program "python3 {file}"
# fails: reason socket-no-reason
import socket
import sys

try:
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
except OSError as error:
    print("Failed to create socket.")
    sys.exit(1)
print("Socket Created")
