# Takes all guesses that wait, then answers every one of them to the last sender.
# check: cmpu-guess --server "python3 {file} {port}"
# fails: each-alone udp-wrong-client
import random
import socket
import sys


def judge(data):
    try:
        guess = int(data)
        return "HIGHER" if number > guess else "LOWER" if number < guess else "CORRECT"
    except ValueError:
        return "ERROR: not a whole number"


number = random.randint(1, 100)
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    server.settimeout(None)
    data, client = server.recvfrom(65535)
    guesses = [data]
    try:
        server.settimeout(0.05)
        while True:
            data, client = server.recvfrom(65535)
            guesses.append(data)
    except TimeoutError:
        pass
    for guess in guesses:
        server.sendto(judge(guess).encode(), client)
