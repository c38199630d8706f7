# A client that prints its error and ends with exit code 0.
# check: dsd-eof --client "python3 {file} {port}"
# fails: no-server silent-failure
import socket
import sys

TOKEN = b"<EOF>"

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    try:
        server.connect(("127.0.0.1", int(sys.argv[1])))
    except OSError as error:
        print(error)
        sys.exit(0)
    server.sendall(b"hello<EOF>")
    answer = b""
    while TOKEN not in answer:
        piece = server.recv(65536)
        if not piece:
            sys.exit("the server left in the middle of its answer")
        answer += piece
    print("Server says:", answer.split(TOKEN)[0].decode(errors="replace"))
