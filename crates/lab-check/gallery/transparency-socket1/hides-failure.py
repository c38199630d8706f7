# Catches every error and says nothing.
# check: transparency-socket1 --program "python3 {file}"
# fails: refused silent-failure
import socket

try:
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
except OSError:
    pass
