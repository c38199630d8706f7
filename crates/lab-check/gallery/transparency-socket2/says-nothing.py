# Does not say that it worked.
# check: transparency-socket2 --program "python3 {file}"
# fails: created socket-not-said
import socket
import sys

try:
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
except OSError as error:
    print(f"Failed to create socket. Error code: {error.errno} , Error message : {error.strerror}")
    sys.exit(1)
