# A client that takes an empty recv for "nothing yet", and an error as well.
# check: cmpu-tcp-echo --client "python3 {file} {port}"
# fails: server-leaves spins
# fails: server-resets spins
import socket
import sys

message = b"Test message. This will be echoed"
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    print(f"Sending {message.decode()}")
    server.sendall(message)
    received = 0
    while received < len(message):
        data = b""
        try:
            data = server.recv(16)
        except OSError as error:
            print(error, file=sys.stderr)
        if not data:
            continue
        received += len(data)
        print(f"Received: {data.decode()}")
    print("Closing connection to the server")
