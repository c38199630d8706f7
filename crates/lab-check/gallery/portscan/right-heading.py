# A right answer whose word open is in a heading only, which names the range as well.
# check: portscan --program "python3 {file} {host} {first} {last}"
import socket
import sys

host, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
found = []
for port in range(first, last + 1):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.3)
        if probe.connect_ex((host, port)) == 0:
            found.append(port)
print(f"Open ports of {host} (looked at {first}, {last} and all between):")
for port in found:
    print(f"  [+] {port}/tcp")
print(f"{len(found)} of {last - first + 1}")
