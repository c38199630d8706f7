# Ends without a word when the name does not resolve.
# check: transparency-socket3 --client "python3 {file} {host} {port}"
# fails: unresolved resolver-not-caught
import socket
import sys

host, port = sys.argv[1], int(sys.argv[2])
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    print("Socket Created")
    try:
        ip = socket.gethostbyname(host)
    except socket.gaierror:
        sys.exit(1)
    print(f"Ip address of {host} is {ip}")
    server.connect((ip, port))
    print(f"Socket Connected to {host} on ip {ip}")
