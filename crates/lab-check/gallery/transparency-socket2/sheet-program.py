# The program of the sheet, typed in as it is.
# check: transparency-socket2 --program "python3 {file}"
# fails: refused socket-not-caught

import socket
import sys

try:
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
except (socket.error, msg):
    print("Failed to create socket. Error code: " + str(msg[0]) + " , Error message : " + msg[1])
    sys.exit()

print("Socket Created")
