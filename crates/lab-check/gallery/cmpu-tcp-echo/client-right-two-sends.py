# A right client that sends its message in two parts, the second one a moment later.
# check: cmpu-tcp-echo --client "python3 {file} {port}"
import socket
import sys
import time

parts = [b"Test message. ", b"This will be echoed"]
message = b"".join(parts)
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    print(f"Sending {message.decode()}")
    server.sendall(parts[0])
    time.sleep(0.5)
    server.sendall(parts[1])
    received = 0
    while received < len(message):
        data = server.recv(16)
        if not data:
            sys.exit("the server left before all of the echo had come")
        received += len(data)
        print(f"Received: {data.decode()}")
    print("Closing connection to the server")
