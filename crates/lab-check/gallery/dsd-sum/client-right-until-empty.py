# Asks for host, port and numbers, request after request, until an empty line.
# check: dsd-sum --client "python3 {file}"
import socket

host = input("Host (enter = this computer): ") or "127.0.0.1"
port = int(input("Port (enter = 65432): ") or 65432)
server = socket.create_connection((host, port))
print("Numbers with blanks between, an empty line to stop.")
while line := input("numbers: ").strip():
    server.sendall(line.encode())
    answer = server.recv(1024).decode()
    if not answer:
        raise SystemExit("the server has gone")
    print(" + ".join(line.split()), "=", answer)
server.close()
