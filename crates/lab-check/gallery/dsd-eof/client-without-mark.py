# A client that forgets the end mark of its message, and waits for an answer.
# check: dsd-eof --client "python3 {file} {port}"
# fails: sends wrong-answer
import socket
import sys

TOKEN = b"<EOF>"

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(b"hello")
    answer = b""
    while TOKEN not in answer:
        piece = server.recv(65536)
        if not piece:
            sys.exit("the server left in the middle of its answer")
        answer += piece
    print("Server says:", answer.split(TOKEN)[0].decode(errors="replace"))
