# Makes a Unix domain socket, which reaches no other machine; libraries make such sockets unasked.
# check: transparency-socket1 --program "python3 {file}"
# fails: asks socket-none
import socket

s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.close()
