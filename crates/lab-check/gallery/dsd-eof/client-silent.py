# A client that hears its answer and prints nothing.
# check: dsd-eof --client "python3 {file} {port}"
# fails: prints not-printed
import socket
import sys

TOKEN = b"<EOF>"

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(b"hello<EOF>")
    answer = b""
    while TOKEN not in answer:
        piece = server.recv(65536)
        if not piece:
            sys.exit("the server left in the middle of its answer")
        answer += piece
    print("done")
