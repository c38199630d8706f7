# Makes an IPv6 socket.
# check: transparency-socket1 --program "python3 {file}"
# fails: asks socket-kind
import socket

with socket.socket(socket.AF_INET6, socket.SOCK_STREAM):
    pass
