# Has no try: a failure ends the program.
# check: transparency-socket2 --program "python3 {file}"
# fails: refused socket-not-caught
import socket

connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
print("Socket Created")
