# A client that treats a full buffer as a sign that more will come.
# check: dsd-eof --client "python3 {file} {port}"
# fails: answer-exact-buffer full-buffer
import socket
import sys

TOKEN = b"<EOF>"

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(b"hello<EOF>")
    answer = b""
    piece = b""
    while TOKEN not in answer or len(piece) == 1024:
        piece = server.recv(1024)
        if not piece:
            sys.exit("the server left in the middle of its answer")
        answer += piece
    print("Server says:", answer.split(TOKEN)[0].decode(errors="replace"))
