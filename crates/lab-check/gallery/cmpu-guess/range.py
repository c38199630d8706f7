# Asks whether the guess is in range(1, 100), which ends before 100.
# check: cmpu-guess --server "python3 {file} {port}"
# fails: direction guess-range
import random
import socket
import sys

number = random.randint(1, 100)
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    data, client = server.recvfrom(65535)
    text = data.decode(errors="replace").strip()
    try:
        guess = int(text)
        if guess not in range(1, 100):
            answer = "ERROR: from 1 to 100, please"
        elif number > guess:
            answer = "HIGHER"
        elif number < guess:
            answer = "LOWER"
        else:
            answer = "CORRECT"
    except ValueError:
        answer = f'ERROR: "{text[:64]}" is not a whole number'
    server.sendto(answer.encode(), client)
