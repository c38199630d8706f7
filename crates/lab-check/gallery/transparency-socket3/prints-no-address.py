# Does not show the address.
# check: transparency-socket3 --client "python3 {file} {host} {port}"
# fails: connects says-nothing
import socket
import sys

host, port = sys.argv[1], int(sys.argv[2])
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    print("Socket Created")
    try:
        ip = socket.gethostbyname(host)
    except socket.gaierror:
        print("Hostname could not be resolved. Exiting")
        sys.exit(1)
    server.connect((ip, port))
    print(f"Socket Connected")
