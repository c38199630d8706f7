# A right scanner that asks for the host, the first port and the last one.
# check: portscan --program "python3 {file}"
import socket

host = input("Enter a remote host to scan: ")
first = int(input("Start port: "))
last = int(input("End port: "))
for port in range(first, last + 1):
    with socket.socket() as probe:
        probe.settimeout(0.5)
        if probe.connect_ex((host, port)) == 0:
            print(f"Port {port}: open")
