# Misspells a constant: that is not an OSError, and the program ends.
# check: transparency-socket2 --program "python3 {file}"
# fails: created crashes
import socket
import sys

try:
    connection = socket.socket(socket.AF_INET, socket.STREAM)
except OSError as error:
    print(f"Failed to create socket. Error code: {error.errno} , Error message : {error.strerror}")
    sys.exit(1)
print("Socket Created")
