# A client that sends a line end after its message.
# check: dsd-sum --client "python3 {file} {port} {message}"
# fails: sends extra-bytes
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(sys.argv[2].encode() + b"\n")
    answer = server.recv(1024)
    if not answer:
        sys.exit("the server left without an answer")
print("Server says:", answer.decode(errors="replace"))
