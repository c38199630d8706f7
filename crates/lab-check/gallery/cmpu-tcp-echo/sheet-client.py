# The program of the sheet, typed in as it is.
# check: cmpu-tcp-echo --client "python3 {file} --port={port}"
# fails: server-leaves spins

import argparse
import socket

host = "localhost"


def echo_client(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server_address = (host, port)
    print("Connecting to %s port %s" % server_address)
    sock.connect(server_address)
    try:
        message = "Test message. This will be echoed"
        print("Sending %s" % message)
        sock.sendall(message.encode("utf-8"))
        amount_received = 0
        amount_expected = len(message)
        while amount_received < amount_expected:
            data = sock.recv(16)
            amount_received += len(data)
            print("Received: %s" % data.decode())
    except socket.error as e:
        print("Socket error: %s" % str(e))
    finally:
        print("Closing connection to the server")
        sock.close()


parser = argparse.ArgumentParser(description="Socket Client Example")
parser.add_argument("--port", action="store", dest="port", type=int, required=True)
echo_client(parser.parse_args().port)
