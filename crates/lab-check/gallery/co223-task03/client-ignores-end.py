# A client that takes an empty recv for "nothing yet", and an error as well.
# check: co223-task03 --client "python3 {file} {port} {message}"
# fails: server-leaves spins
# fails: server-resets spins
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    message = sys.argv[2].encode()
    server.sendall(message)
    echo = b""
    while len(echo) < len(message):
        try:
            echo += server.recv(1024)
        except OSError as error:
            print(error, file=sys.stderr)
print(echo.decode(errors="replace"))
