# Receives into a buffer, and prints all of it.
# check: codio-echo --client "python3 {file} {port}"
# fails: prints whole-buffer
import socket
import sys

buffer = bytearray(1024)
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    server.sendall(b"Hello, world")
    server.recv_into(buffer)
print(f"Received {bytes(buffer)!r}")
