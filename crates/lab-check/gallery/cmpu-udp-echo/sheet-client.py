# The program of the sheet, typed in as it is.
# check: cmpu-udp-echo --client "python3 {file} --port={port}"
# fails: late udp-late-answer
# fails: lost udp-waits-for-ever

import argparse
import socket

host = "localhost"
data_payload = 2048


def echo_client(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server_address = (host, port)
    print("Connecting to %s port %s" % server_address)
    try:
        message = "Test message. This will be echoed"
        print("Sending %s" % message)
        sock.sendto(message.encode("utf-8"), server_address)
        data, server = sock.recvfrom(data_payload)
        print("received %s" % data.decode())
    finally:
        print("Closing connection to the server")
        sock.close()


parser = argparse.ArgumentParser(description="Socket Client Example")
parser.add_argument("--port", action="store", dest="port", type=int, required=True)
echo_client(parser.parse_args().port)
