"""Sends a datagram and waits for its echo, again if it is lost.

Rust:       src/main.rs
Terminal 1: python3 crates/cmpu-udp-echo-server/twin.py --port 9900
Terminal 2: python3 crates/cmpu-udp-echo-client/twin.py --port 9900
"""

import argparse
import socket
import sys
import time

LONGEST_MESSAGE = 65_507


def echo(server, message, args):
    # region: exercise
    for attempt in range(1, args.tries + 1):
        # 3. Send the message, again if its echo did not come
        if attempt > 1:
            print(f"no echo yet; sending again (try {attempt} of {args.tries})", file=sys.stderr)
        server.send(message)

        # 4. Receive its echo, and nothing else, within the time limit
        deadline = time.monotonic() + args.timeout
        while (left := deadline - time.monotonic()) > 0:
            server.settimeout(left)
            try:
                answer = server.recv(LONGEST_MESSAGE)
            except socket.timeout:
                break
            if answer == message:
                return
            print(f"{len(answer)} bytes that are no echo of the message; ignored", file=sys.stderr)
    raise TimeoutError(f"no echo after {args.tries} tries")
    # endregion: exercise


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--message", default="Test message. This will be echoed")
    parser.add_argument("--timeout", type=float, default=1)
    parser.add_argument("--tries", type=int, default=5)
    args = parser.parse_args()

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        # 2. Connect it to the server: datagrams of others no longer come in
        print(f"Connecting to {args.host} port {args.port}")
        server.connect((args.host, args.port))
        print(f"Sending {args.message}")
        try:
            echo(server, args.message.encode(), args)
            print(f"received {args.message}")
        finally:
            # 5. Close the socket, also after a failure
            print("Closing connection to the server")
    # endregion: exercise


main()
