# A client that reads at most 64 KiB.
# check: dsd-eof --client "python3 {file} {port}"
# fails: answer-large fixed-limit
import socket
import sys

TOKEN = b"<EOF>"

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(b"hello<EOF>")
    answer = b""
    while TOKEN not in answer:
        piece = server.recv(4096)
        if not piece:
            sys.exit("the server left in the middle of its answer")
        answer += piece
        if len(answer) > 65536:
            break
    print("Server says:", answer.split(TOKEN)[0].decode(errors="replace"))
