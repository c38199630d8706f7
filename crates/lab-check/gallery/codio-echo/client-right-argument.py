# A right client whose message is its only argument: host and port stand in the program.
# check: codio-echo --client "python3 {file} {message}"
import socket
import sys

with socket.create_connection(("localhost", 65432)) as server:
    server.sendall(sys.argv[1].encode())
    answer = server.recv(1024)
    if not answer:
        sys.exit("the server has left")
    print("Received", answer.decode())
