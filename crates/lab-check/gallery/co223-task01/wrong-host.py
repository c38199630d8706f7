# Binds the address of another machine, which is written into the program.
# check: co223-task01 --server "python3 {file}"
# fails: whole cannot-bind
import socket

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.bind(("192.168.1.50", 1234))
    server.listen(5)
    while True:
        client, _ = server.accept()
        client.sendall(b"Thank you for connecting")
        client.close()
