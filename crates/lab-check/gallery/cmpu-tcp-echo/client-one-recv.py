# A client that reads once, 16 bytes at most.
# check: cmpu-tcp-echo --client "python3 {file} {port}"
# fails: prints reads-once
import socket
import sys

message = b"Test message. This will be echoed"
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    print(f"Sending {message.decode()}")
    server.sendall(message)
    data = server.recv(16)
    print(f"Received: {data.decode()}")
    print("Closing connection to the server")
