"""Sends a message and receives its echo, 16 bytes at a time.

Rust:       src/main.rs
Terminal 1: python3 crates/cmpu-tcp-echo-server/twin.py --port 9900
Terminal 2: python3 crates/cmpu-tcp-echo-client/twin.py --port 9900
"""

import argparse
import socket
import sys

BUFFER_SIZE = 16


def talk(server, message):
    # region: exercise
    # 3. Send the message
    print(f"Sending {message}")
    message = message.encode()
    server.sendall(message)

    # 4. Receive until all of it is back
    received = 0
    while received < len(message):
        data = server.recv(BUFFER_SIZE)
        if not data:
            raise ConnectionError("the server closed the connection "
                                  f"after {received} of {len(message)} bytes")
        received += len(data)
        print(f"Received: {data.decode(errors='replace')}")
    # endregion: exercise


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--message", default="Test message. This will be echoed")
    args = parser.parse_args()

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        # 2. Connect to the server: TCP's handshake
        print(f"Connecting to {args.host} port {args.port}")
        server.connect((args.host, args.port))
        try:
            talk(server, args.message)
        finally:
            # 5. Close the connection, also after a failure
            print("Closing connection to the server")
    # endregion: exercise


main()
