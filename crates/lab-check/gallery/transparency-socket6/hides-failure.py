# Catches the refusal, and ends with exit code 0.
# check: transparency-socket6 --client "python3 {file} {port}"
# fails: no-server silent-failure
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    try:
        server.connect(("127.0.0.1", int(sys.argv[1])))
    except OSError as error:
        print(error)
        sys.exit(0)
    thanks = server.recv(1024)
    if not thanks:
        sys.exit("the server left without a word")
    print(thanks)
