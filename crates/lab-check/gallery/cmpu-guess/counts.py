# Counts the guesses, and a guess that is sent again as another one.
# check: cmpu-guess --server "python3 {file} {port}"
# fails: sent-again udp-counts-resend
import random
import socket
import sys

number = random.randint(1, 100)
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
guesses = 0
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
    guesses += 1
    if guesses > 10:
        answer = "GAME OVER"
    server.sendto(answer.encode(), client)
