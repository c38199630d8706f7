# A client that has room for 16 bytes of an answer, and reads once.
# check: dsd-sum --client "python3 {file} {port} {message}"
# fails: long-sum fixed-limit
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(sys.argv[2].encode())
    answer = server.recv(16)
    if not answer:
        sys.exit("the server left without an answer")
print("Server says:", answer.decode(errors="replace"))
