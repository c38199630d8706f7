# Keeps the address of its first player, and answers everybody there.
# check: cmpu-guess --server "python3 {file} {port}"
# fails: goes-on udp-wrong-client
import random
import socket
import sys

number = random.randint(1, 100)
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
player = None
while True:
    data, client = server.recvfrom(65535)
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
    player = player or client
    server.sendto(answer.encode(), player)
