# Makes a UDP socket.
# check: transparency-socket1 --program "python3 {file}"
# fails: asks socket-kind
import socket

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM):
    pass
