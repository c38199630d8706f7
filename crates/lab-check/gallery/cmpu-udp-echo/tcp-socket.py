# Makes a TCP socket: the same number is another port in UDP.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: whole udp-not-bound
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
while True:
    client, address = server.accept()
    with client:
        client.sendall(client.recv(65535))
