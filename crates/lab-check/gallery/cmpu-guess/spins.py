# Asks a socket that does not block, again and again.
# check: cmpu-guess --server "python3 {file} {port}"
# fails: at-rest udp-spins
import random
import socket
import sys

number = random.randint(1, 100)
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
server.setblocking(False)
while True:
    try:
        data, client = server.recvfrom(65535)
    except BlockingIOError:
        continue
    text = data.decode(errors="replace").strip()
    try:
        guess = int(text)
        if number > guess:
            answer = "HIGHER"
        elif number < guess:
            answer = "LOWER"
        else:
            answer = "CORRECT"
    except ValueError:
        answer = f'ERROR: "{text[:64]}" is not a whole number'
    server.sendto(answer.encode(), client)
