# Says HIGHER when the guess is higher.
# check: cmpu-guess --server "python3 {file} {port}"
# fails: direction guess-direction
import random
import socket
import sys

number = random.randint(2, 99)
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    data, client = server.recvfrom(65535)
    text = data.decode(errors="replace").strip()
    try:
        guess = int(text)
        if guess > number:
            answer = "HIGHER"
        elif guess < number:
            answer = "LOWER"
        else:
            answer = "CORRECT"
    except ValueError:
        answer = f'ERROR: "{text[:64]}" is not a whole number'
    server.sendto(answer.encode(), client)
