# The program of the sheet, typed in as it is.
# check: cmpu-guess --server "python3 {file} --port={port}"
# fails: bad-datagrams udp-dies-on-datagram

import argparse
import random
import socket

host = "localhost"


def guess_server(port):
    number = random.randrange(1, 100)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, port))
    while True:
        data, address = sock.recvfrom(2048)
        try:
            guess = int(data.decode())
        except ValueError:
            answer = 'ERROR: "%s" is not a whole number' % data.decode()
        else:
            if number > guess:
                answer = "HIGHER"
            elif number < guess:
                answer = "LOWER"
            else:
                answer = "CORRECT"
        sock.sendto(answer.encode("utf-8"), address)


parser = argparse.ArgumentParser(description="Guessing Game Server")
parser.add_argument("--port", action="store", dest="port", type=int, required=True)
guess_server(parser.parse_args().port)
