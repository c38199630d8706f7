# A client that prints its error and ends with exit code 0.
# check: dsd-sum --client "python3 {file} {port} {message}"
# fails: no-server silent-failure
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    try:
        server.connect(("127.0.0.1", int(sys.argv[1])))
    except OSError as error:
        print(error)
        sys.exit(0)
    server.sendall(sys.argv[2].encode())
    answer = server.recv(1024)
    if not answer:
        sys.exit("the server left without an answer")
print("Server says:", answer.decode(errors="replace"))
