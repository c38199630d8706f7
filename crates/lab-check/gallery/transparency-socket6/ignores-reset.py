# Catches the broken connection, and waits on it as if nothing had happened.
# check: transparency-socket6 --client "python3 {file} {port}"
# fails: server-resets spins
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.connect(("127.0.0.1", int(sys.argv[1])))
    while True:
        try:
            thanks = server.recv(1024)
            server.getpeername()
            break
        except ConnectionResetError:
            pass
        except OSError:
            continue
    if not thanks:
        sys.exit("the server left without a word")
    print(thanks)
