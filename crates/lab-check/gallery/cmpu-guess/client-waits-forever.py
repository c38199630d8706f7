# Sets no time limit: when a guess or its answer is lost, it waits forever.
# check: cmpu-guess --client "python3 {file} {port}"
# fails: lost udp-waits-for-ever
import socket
import sys

server = ("127.0.0.1", int(sys.argv[1]))


def ask(guess):
    # A fresh socket for each guess: a late answer to the
    # last one goes to a port that is closed by then.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(server)
        for attempt in range(4):
            client.send(guess.encode())
            try:
                return client.recv(1024).decode()
            except TimeoutError:
                pass
    sys.exit("the server does not answer")


while True:
    try:
        guess = input("Your guess: ")
    except EOFError:
        sys.exit("the input ended before the number was found")
    answer = ask(guess)
    print(answer)
    if answer == "CORRECT":
        break
