# A right answer that ends with exit code 0 after a failure, as the sheet's does.
# check: transparency-socket2 --program "python3 {file}"
import socket
import sys

try:
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
except OSError as error:
    print(f"Failed to create socket. Error code: {error.errno} , Error message : {error.strerror}")
    sys.exit()
print("Socket Created")
