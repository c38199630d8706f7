# Compares the texts: as text 9 is greater than 10.
# check: cmpu-guess --server "python3 {file} {port}"
# fails: direction guess-text
import random
import socket
import sys

number = str(random.randint(11, 99))
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    data, client = server.recvfrom(65535)
    text = data.decode(errors="replace").strip()
    try:
        guess = str(int(text))
        if number > guess:
            answer = "HIGHER"
        elif number < guess:
            answer = "LOWER"
        else:
            answer = "CORRECT"
    except ValueError:
        answer = f'ERROR: "{text[:64]}" is not a whole number'
    server.sendto(answer.encode(), client)
