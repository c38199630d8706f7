# A right client that asks for host, port and message, one after another.
# check: codio-echo --client "python3 {file}"
import socket

host = input("Server address: ")
port = int(input("Port: "))
with socket.create_connection((host, port)) as server:
    server.sendall(input("Message to send: ").encode())
    print("Received", server.recv(1024).decode())
