"""Sends each datagram back to where it came from.

Rust:       src/main.rs
Terminal 1: python3 crates/cmpu-udp-echo-server/twin.py --port 9900
Terminal 2: python3 crates/cmpu-udp-echo-client/twin.py --port 9900
"""

import argparse
import socket
import sys

BUFFER_SIZE = 65_535


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()

    # region: exercise
    # 1. Create the socket: one for all clients
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    # 2. Bind it to the server's address: from here on datagrams can come
    server.bind((args.host, args.port))
    address, port = server.getsockname()
    print(f"listening on {address}:{port}", file=sys.stderr)
    print(f"Starting up echo server on {args.host} port {port}")

    while True:
        print("Waiting to receive message from client")
        try:
            # 3. Receive a datagram and the address it came from
            message, client = server.recvfrom(BUFFER_SIZE)
            print(f"received {len(message)} bytes from {client}")
            print(f"Data: {message.decode(errors='replace')}")

            # 4. Send it back there
            count = server.sendto(message, client)
            print(f"sent {count} bytes back to {client}")
        except OSError as error:
            print(f"cannot echo a datagram: {error}", file=sys.stderr)
    # endregion: exercise


main()
