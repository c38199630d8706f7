# A right client that sends what is typed until the word quit, as its prompt says.
# check: codio-echo --client "python3 {file} {port}"
import socket
import sys

with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as server:
    while True:
        text = input("Message ('quit' to leave): ")
        if text == "quit":
            break
        server.sendall(text.encode())
        answer = server.recv(1024)
        if not answer:
            sys.exit("the server has left")
        print("Echo:", answer.decode())
