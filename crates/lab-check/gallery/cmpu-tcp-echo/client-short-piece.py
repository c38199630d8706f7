# A client that takes a piece shorter than its buffer for the last one.
# check: cmpu-tcp-echo --client "python3 {file} {port}"
# fails: pieces reads-once
import socket
import sys

message = b"Test message. This will be echoed"
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    print(f"Sending {message.decode()}")
    server.sendall(message)
    while True:
        data = server.recv(16)
        print(f"Received: {data.decode()}")
        if len(data) < 16:
            break
    print("Closing connection to the server")
