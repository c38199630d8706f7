# Turns each datagram into text before its try: bytes that are not valid UTF-8 end the server.
# check: cmpu-guess --server "python3 {file} {port}"
# fails: bad-datagrams udp-dies-on-datagram
import random
import socket
import sys

number = random.randint(1, 100)
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    data, client = server.recvfrom(65535)
    text = data.decode().strip()
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
