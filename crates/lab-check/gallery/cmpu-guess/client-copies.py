# Sends its first guess again and again, whatever is answered.
# check: cmpu-guess --client "python3 {file} {port}"
# fails: plays guess-ends-early
import socket
import sys
import time

server = ("127.0.0.1", int(sys.argv[1]))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.connect(server)
    client.settimeout(0.005)
    guess = input("Your guess: ")
    while True:
        client.send(guess.encode())
        try:
            print(client.recv(1024).decode())
        except TimeoutError:
            pass
        time.sleep(0.002)
