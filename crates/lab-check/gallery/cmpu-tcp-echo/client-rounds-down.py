# Reads as many blocks of 16 bytes as fit into its message, and so not the rest.
# check: cmpu-tcp-echo --client "python3 {file} {port}"
# fails: prints stops-short
import socket
import sys

message = b"Test message. This will be echoed"
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    print(f"Sending {message.decode()}")
    server.sendall(message)
    for _ in range(len(message) // 16):
        data = server.recv(16)
        print(f"Received: {data.decode()}")
    print("Closing connection to the server")
