# The program of the sheet, typed in as it is.
# check: cmpu-guess --client "python3 {file} --port={port}"
# fails: doubled udp-counts-resend
# fails: stranger udp-any-sender
# fails: strange-address udp-any-sender
# fails: lost udp-waits-for-ever

import argparse
import socket

host = "localhost"


def guess_client(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    answer = ""
    while answer != "CORRECT":
        guess = input("Your guess: ")
        sock.sendto(guess.encode("utf-8"), (host, port))
        data, server = sock.recvfrom(2048)
        answer = data.decode()
        print(answer)
    sock.close()


parser = argparse.ArgumentParser(description="Guessing Game Client")
parser.add_argument("--port", action="store", dest="port", type=int, required=True)
guess_client(parser.parse_args().port)
