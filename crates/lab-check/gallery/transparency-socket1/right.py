# A right answer.
# check: transparency-socket1 --program "python3 {file}"
import socket

with socket.socket(socket.AF_INET, socket.SOCK_STREAM):
    pass
