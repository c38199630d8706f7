# Calls recv again and again until something comes, also when the server has left.
# check: transparency-socket4 --client "python3 {file} {host} {port}"
# fails: cut-short spins
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
    while not reply:
        reply = server.recv(4096)
    print(reply)
