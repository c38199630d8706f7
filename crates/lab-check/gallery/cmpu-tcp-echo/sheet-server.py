# The program of the sheet, typed in as it is.
# check: cmpu-tcp-echo --server "python3 {file} --port={port}"
# fails: bytes mangles-binary
# fails: reset dies-on-reset
# fails: restart no-reuseaddr

import argparse
import socket

host = "localhost"
data_payload = 2048
backlog = 5


def echo_server(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server_address = (host, port)
    print("Starting up echo server on %s port %s" % server_address)
    sock.bind(server_address)
    sock.listen(backlog)
    while True:
        print("Waiting to receive message from client")
        client, address = sock.accept()
        data = client.recv(data_payload)
        if data:
            print("Data: %s" % data.decode())
            client.send(data)
            print("sent %s bytes back to %s" % (data.decode(), address))
        client.close()


parser = argparse.ArgumentParser(description="Socket Server Example")
parser.add_argument("--port", action="store", dest="port", type=int, required=True)
echo_server(parser.parse_args().port)
