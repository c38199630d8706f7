# Answers with other words than the exercise's.
# check: cmpu-guess --server "python3 {file} {port}"
# fails: answers wrong-answer
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
        if number > guess:
            answer = "Too low!"
        elif number < guess:
            answer = "Too high!"
        else:
            answer = "You win!"
    except ValueError:
        answer = f'ERROR: "{text[:64]}" is not a whole number'
    server.sendto(answer.encode(), client)
