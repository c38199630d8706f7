# A right client that asks for the server's name and port before it asks for a guess.
# check: cmpu-guess --client "python3 {file}"
import socket
import sys

host = input("Server host name: ")
port = int(input("Port: "))
address = (socket.gethostbyname(host), port)


def ask(guess):
    # A fresh socket for each guess: a late answer to the
    # last one goes to a port that is closed by then.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(address)
        client.settimeout(0.5)
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
