# A client that treats one recv as the whole answer.
# check: dsd-eof --client "python3 {file} {port}"
# fails: answer-byte-by-byte one-recv
import socket
import sys

TOKEN = b"<EOF>"

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(b"hello<EOF>")
    answer = server.recv(65536)
    if not answer:
        sys.exit("the server left")
    print("Server says:", answer.replace(TOKEN, b"").decode(errors="replace"))
