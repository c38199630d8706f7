# Answers with a new socket, and so from another port.
# check: cmpu-guess --server "python3 {file} {port}"
# fails: same-port udp-other-port
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
            answer = "HIGHER"
        elif number < guess:
            answer = "LOWER"
        else:
            answer = "CORRECT"
    except ValueError:
        answer = f'ERROR: "{text[:64]}" is not a whole number'
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reply:
        reply.sendto(answer.encode(), client)
