# A client that prints its error and ends with exit code 0.
# check: co223-task03 --client "python3 {file} {port} {message}"
# fails: no-server silent-failure
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    try:
        server.connect(("127.0.0.1", int(sys.argv[1])))
    except OSError as error:
        print(error)
        sys.exit(0)
    message = sys.argv[2].encode()
    server.sendall(message)
    echo = b""
    while len(echo) < len(message):
        piece = server.recv(1024)
        if not piece:
            sys.exit("the server left before all of the echo had come")
        echo += piece
print(echo.decode(errors="replace"))
