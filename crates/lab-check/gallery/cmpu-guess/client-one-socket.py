# Takes one socket for all guesses: an answer that comes twice, or late, is taken for the next
# guess's.
# check: cmpu-guess --client "python3 {file} {port}"
# fails: doubled udp-counts-resend
# fails: late udp-late-answer
import socket
import sys

server = ("127.0.0.1", int(sys.argv[1]))


def ask(guess):
    for attempt in range(4):
        client.send(guess.encode())
        try:
            return client.recv(1024).decode()
        except TimeoutError:
            pass
    sys.exit("the server does not answer")


client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.connect(server)
client.settimeout(0.5)
while True:
    try:
        guess = input("Your guess: ")
    except EOFError:
        sys.exit("the input ended before the number was found")
    answer = ask(guess)
    print(answer)
    if answer == "CORRECT":
        break
