# Waits for the server to speak, which waits for a request.
# check: transparency-socket3 --client "python3 {file} {host} {port}"
# fails: connects hangs
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
    server.connect((ip, port))
    server.recv(1024)
    print(f"Socket Connected to {host} on ip {ip}")
