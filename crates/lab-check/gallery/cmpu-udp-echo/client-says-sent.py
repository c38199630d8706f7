# Shows what it has sent once it is on its way, and never the echo.
# check: cmpu-udp-echo --client "python3 {file} {port} {message}"
# fails: prints not-printed
import socket
import sys
import time

server = ("127.0.0.1", int(sys.argv[1]))
message = sys.argv[2].encode()

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.connect(server)
    said = False
    for attempt in range(4):
        client.send(message)
        if not said:
            # Long after the echo has come.
            time.sleep(0.2)
            print(f"sent {sys.argv[2]}")
            said = True
        client.settimeout(0.5)
        try:
            if client.recv(65535) == message:
                sys.exit(0)
        except TimeoutError:
            pass
sys.exit("no echo came")
