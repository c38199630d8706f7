# Has no loop: it ends after its first guess.
# check: cmpu-guess --server "python3 {file} {port}"
# fails: goes-on udp-first-only
import random
import socket
import sys

number = random.randint(1, 100)
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
data, client = server.recvfrom(1024)
guess = int(data)
answer = "HIGHER" if number > guess else "LOWER" if number < guess else "CORRECT"
server.sendto(answer.encode(), client)
