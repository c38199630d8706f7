# A client that reads until the server closes, which waits for its next message.
# check: co223-task03 --client "python3 {file} {port} {message}"
# fails: prints waits-for-the-end
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    message = sys.argv[2].encode()
    server.sendall(message)
    echo = b""
    while piece := server.recv(1024):
        echo += piece
print(echo.decode(errors="replace"))
