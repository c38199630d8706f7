# A right answer that tells the failure in its own words.
# check: transparency-socket3 --client "python3 {file} {host} {port}"
import socket
import sys

host, port = sys.argv[1], int(sys.argv[2])
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    print("Socket Created")
    try:
        ip = socket.gethostbyname(host)
    except socket.gaierror as error:
        sys.exit(f"No address for {host}: {error.strerror}")
    print(f"Ip address of {host} is {ip}")
    server.connect((ip, port))
    print(f"Socket Connected to {host} on ip {ip}")
