# A client that decodes what one recv gave, strictly: half a character is an error.
# check: dsd-hello --client "python3 {file} {port} {message}"
# fails: cut-character half-character
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(sys.argv[2].encode())
    answer = server.recv(1024)
    if not answer:
        sys.exit("the server left without an answer")
print("Server says:", answer.decode())
