# Takes all datagrams that wait, then answers every one of them to the last sender.
# check: cmpu-udp-echo --server "python3 {file} {port}"
# fails: each-alone udp-wrong-client
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    server.settimeout(None)
    message, client = server.recvfrom(65535)
    messages = [message]
    try:
        server.settimeout(0.05)
        while True:
            message, client = server.recvfrom(65535)
            messages.append(message)
    except TimeoutError:
        pass
    for message in messages:
        server.sendto(message, client)
