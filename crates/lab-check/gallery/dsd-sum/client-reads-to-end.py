# A client that reads until the server closes, which waits for its next message.
# check: dsd-sum --client "python3 {file} {port} {message}"
# fails: prints waits-for-the-end
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(sys.argv[2].encode())
    answer = b""
    while piece := server.recv(1024):
        answer += piece
print("Server says:", answer.decode(errors="replace"))
