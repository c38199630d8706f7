"""Asks a web server for its first page and shows what one recv gives.

Rust:       src/main.rs
Terminal 1: python3 crates/transparency-socket4/twin.py
"""

import argparse
import socket
import sys

BUFFER_SIZE = 4096


def main():
    # Print each line at once, also into a pipe, whatever characters it has.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.excepthook = show_error

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
            fail(f"cannot resolve the host name {args.host}: {error}",
                 "check the spelling and the network, or give an address: --host 127.0.0.1")

        # 3. Connect to the web server: TCP's handshake
        try:
            server.connect((ip, args.port))
        except OSError as error:
            fail(f"cannot connect to {ip}:{args.port}: {error}",
                 "is there a web server? cargo lab run transparency-socket4 starts one")
        print(f"Socket Connected to {args.host} on ip {ip}")

        # 4. Send the request: lines that end with CRLF, then an empty one
        server.sendall(request(args.host, args.port).encode())
        print("Message send successfully")

        # 5. Receive the reply: whatever one recv gives
        reply = server.recv(BUFFER_SIZE)
        if not reply:
            fail(f"{ip}:{args.port} closed the connection without a reply", "is it a web server?")
        print(reply)
    # endregion: exercise


def request(host, port):
    site = host if port == 80 else f"{host}:{port}"
    return f"GET / HTTP/1.1\r\nHost: {site}\r\nConnection: close\r\n\r\n"


def show_error(kind, error, trace):
    # An error of the system is one line, and the exit code is 1. A mistake in
    # the program keeps its traceback.
    if issubclass(kind, OSError):
        print(f"Error: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def fail(error, hint):
    sys.exit(f"Error: {error}\nhint: {hint}")


main()
