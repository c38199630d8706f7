# A client that treats one recv as the whole echo.
# check: co223-task03 --client "python3 {file} {port} {message}"
# fails: pieces one-recv
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    message = sys.argv[2].encode()
    server.sendall(message)
    echo = server.recv(1024)
print(echo.decode(errors="replace"))
