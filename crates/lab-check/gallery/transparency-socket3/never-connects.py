# Resolves the name, and never connects.
# check: transparency-socket3 --client "python3 {file} {host} {port}"
# fails: connects never-connects
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
    print(f"Ip address of {host} is {ip}")
    print(f"Socket Connected to {host} on ip {ip}")
