# A right answer: one request, one recv, as on the sheet.
# check: transparency-socket4 --client "python3 {file} {host} {port}"
import socket
import sys

host, port = sys.argv[1], int(sys.argv[2])
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    print("Socket Created")
    server.connect((host, port))
    print(f"Socket Connected to {host}")
    request = f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    server.sendall(request.encode())
    print("Message send successfully")
    reply = server.recv(4096)
    if not reply:
        sys.exit("the server left without a page")
    print(reply)
