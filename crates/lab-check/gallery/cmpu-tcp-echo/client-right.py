# A right client: reads 16 bytes at a time, until all has come back.
# check: cmpu-tcp-echo --client "python3 {file} {port}"
import socket
import sys

message = b"Test message. This will be echoed"
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    print(f"Sending {message.decode()}")
    server.sendall(message)
    received = 0
    while received < len(message):
        data = server.recv(16)
        if not data:
            sys.exit("the server left before all of the echo had come")
        received += len(data)
        print(f"Received: {data.decode()}")
    print("Closing connection to the server")
