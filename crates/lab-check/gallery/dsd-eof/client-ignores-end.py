# A client that takes an empty recv for "nothing yet", and an error as well.
# check: dsd-eof --client "python3 {file} {port}"
# fails: server-leaves spins
# fails: server-resets spins
import socket
import sys

TOKEN = b"<EOF>"

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(b"hello<EOF>")
    answer = b""
    while TOKEN not in answer:
        try:
            piece = server.recv(65536)
        except OSError:
            piece = b""
        answer += piece
    print("Server says:", answer.split(TOKEN)[0].decode(errors="replace"))
