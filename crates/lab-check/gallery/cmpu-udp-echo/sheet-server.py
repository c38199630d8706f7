# The program of the sheet, typed in as it is.
# check: cmpu-udp-echo --server "python3 {file} --port={port}"
# fails: same-bytes dies-on-bytes

import argparse
import socket

host = "localhost"
data_payload = 2048


def echo_server(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server_address = (host, port)
    print("Starting up echo server on %s port %s" % server_address)
    sock.bind(server_address)
    while True:
        print("Waiting to receive message from client")
        data, address = sock.recvfrom(data_payload)
        print("received %s bytes from %s" % (len(data), address))
        print("Data: %s" % data.decode())
        if data:
            sent = sock.sendto(data, address)
            print("sent %s bytes back to %s" % (sent, address))


parser = argparse.ArgumentParser(description="Socket Server Example")
parser.add_argument("--port", action="store", dest="port", type=int, required=True)
echo_server(parser.parse_args().port)
