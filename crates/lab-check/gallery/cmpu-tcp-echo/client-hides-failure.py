# A client that prints its error and ends with exit code 0.
# check: cmpu-tcp-echo --client "python3 {file} {port}"
# fails: no-server silent-failure
import socket
import sys

message = b"Test message. This will be echoed"
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    try:
        server.connect(("127.0.0.1", int(sys.argv[1])))
    except OSError as error:
        print(error)
        sys.exit(0)
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
