# Tests >= before it tests for the number itself, which so is never CORRECT.
# check: cmpu-guess --server "python3 {file} {port}"
# fails: every-number guess-never-correct
import random
import socket
import sys

number = random.randint(1, 99)
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    data, client = server.recvfrom(65535)
    text = data.decode(errors="replace").strip()
    try:
        guess = int(text)
        if number >= guess:
            answer = "HIGHER"
        elif number < guess:
            answer = "LOWER"
        else:
            answer = "CORRECT"
    except ValueError:
        answer = f'ERROR: "{text[:64]}" is not a whole number'
    server.sendto(answer.encode(), client)
