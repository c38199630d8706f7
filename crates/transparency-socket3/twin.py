"""Finds a web server's address and connects to it.

Rust:       src/main.rs
Terminal 1: python3 crates/transparency-socket3/twin.py
"""

import argparse
import socket
import sys


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
        print(f"Ip address of {args.host} is {ip}")

        # 3. Connect to the web server: TCP's handshake
        try:
            server.connect((ip, args.port))
        except OSError as error:
            fail(f"cannot connect to {ip}:{args.port}: {error}",
                 "is there a web server? cargo lab run transparency-socket3 starts one")
        print(f"Socket Connected to {args.host} on ip {ip}")
    # endregion: exercise


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
