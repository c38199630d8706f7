# Shows all that comes until its time limit: a doubled echo twice.
# check: cmpu-udp-echo --client "python3 {file} {port} {message}"
# fails: doubled udp-counts-resend
# fails: wrong-datagrams udp-prolongs
import socket
import sys

server = ("127.0.0.1", int(sys.argv[1]))
message = sys.argv[2].encode()

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.connect(server)
    client.settimeout(0.5)
    echoes = 0
    for attempt in range(4):
        client.send(message)
        try:
            while True:
                answer = client.recv(65535)
                if answer == message:
                    print(f"received {answer.decode()}")
                    echoes += 1
        except TimeoutError:
            pass
        if echoes > 0:
            sys.exit(0)
    sys.exit("no echo came")
