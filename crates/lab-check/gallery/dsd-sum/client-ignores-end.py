# A client that takes an empty recv for "nothing yet", and an error as well.
# check: dsd-sum --client "python3 {file} {port} {message}"
# fails: server-leaves spins
# fails: server-resets spins
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(sys.argv[2].encode())
    answer = b""
    while not answer:
        try:
            answer = server.recv(1024)
        except OSError as error:
            print(error, file=sys.stderr)
print("Server says:", answer.decode(errors="replace"))
