# A client that waits for the server to speak first.
# check: dsd-hello --client "python3 {file} {port} {message}"
# fails: sends wrong-order
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    print(server.recv(1024).decode())
    server.sendall(sys.argv[2].encode())
    answer = server.recv(1024)
    if not answer:
        sys.exit("the server left without an answer")
print("Server says:", answer.decode(errors="replace"))
