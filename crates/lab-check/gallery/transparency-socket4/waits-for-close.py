# Reads until the server closes, without having asked it to.
# check: transparency-socket4 --client "python3 {file} {host} {port}"
# fails: kept-open http-kept-open
import socket
import sys

host, port = sys.argv[1], int(sys.argv[2])
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect((host, port))
    server.sendall(f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    page = b""
    while piece := server.recv(4096):
        page += piece
    if not page:
        sys.exit("the server left without a page")
    print(page)
