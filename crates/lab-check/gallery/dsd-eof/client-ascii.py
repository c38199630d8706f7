# A client that leaves out what is not ASCII.
# check: dsd-eof --client "python3 {file} {port} {message}"
# fails: message-characters wrong-answer
import socket
import sys

TOKEN = b"<EOF>"

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(sys.argv[2].encode("ascii", "ignore") + TOKEN)
    answer = b""
    while TOKEN not in answer:
        piece = server.recv(65536)
        if not piece:
            sys.exit("the server left in the middle of its answer")
        answer += piece
    print("Server says:", answer.split(TOKEN)[0].decode(errors="replace"))
