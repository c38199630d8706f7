# Sends to another port than the sheet's, which is written into the program.
# check: cmpu-udp-echo --client "python3 {file}"
# fails: sends other-address
# may fail: sends udp-silent
import socket

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.settimeout(1)
    for _ in range(3):
        server.sendto(b"Hello", ("127.0.0.1", 9990))
        try:
            data, _ = server.recvfrom(1024)
        except OSError:
            continue
        print(data.decode())
        break
    else:
        raise SystemExit("no answer")
