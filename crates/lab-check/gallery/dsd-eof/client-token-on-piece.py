# A client that looks for the end mark in each new piece alone.
# check: dsd-eof --client "python3 {file} {port}"
# fails: answer-byte-by-byte token-on-piece
# fails: answer-cut-token token-on-piece
import socket
import sys

TOKEN = b"<EOF>"

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(b"hello<EOF>")
    answer = b""
    piece = b""
    while TOKEN not in piece:
        piece = server.recv(65536)
        if not piece:
            sys.exit("the server left in the middle of its answer")
        answer += piece
    print("Server says:", answer.split(TOKEN)[0].decode(errors="replace"))
