"""Asks a web server for its first page and shows what one recv gives.

Rust:       src/main.rs
Terminal 1: python3 crates/transparency-socket4/twin.py
"""

import argparse
import socket
import sys

BUFFER_SIZE = 4096


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="www.google.co.uk")
    parser.add_argument("--port", type=int, default=80)
    args = parser.parse_args()

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        print("Socket Created")

        # 2. Resolve the host name: the system asks its hosts file, then a name server
        try:
            ip = socket.gethostbyname(args.host)
        except OSError as error:
            print("Hostname could not be resolved. Exiting")
            sys.exit(f"cannot resolve the host name {args.host}: {error}")

        # 3. Connect to the web server: TCP's handshake
        server.connect((ip, args.port))
        print(f"Socket Connected to {args.host} on ip {ip}")

        # 4. Send the request: lines that end with CRLF, then an empty one
        site = args.host if args.port == 80 else f"{args.host}:{args.port}"
        request = f"GET / HTTP/1.1\r\nHost: {site}\r\nConnection: close\r\n\r\n"
        server.sendall(request.encode())
        print("Message send successfully")

        # 5. Receive the reply: whatever one recv gives
        reply = server.recv(BUFFER_SIZE)
        if not reply:
            sys.exit(f"{ip}:{args.port} closed the connection without a reply")
        print(reply)
    # endregion: exercise


main()
