"""Creates an IPv4 TCP socket and says whether that worked.

Rust:       src/main.rs
Terminal 1: python3 crates/transparency-socket2/twin.py
"""

import argparse
import socket
import sys


def main():
    # Each line is out at once, also into a pipe, and may hold any character.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)

    argparse.ArgumentParser().parse_args()

    # region: exercise
    # 1. Create the socket
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    except OSError as error:
        # 2. Say why it failed, and end with exit code 1
        print(f"Failed to create socket. Error code: {error.errno} , "
              f"Error message : {error.strerror}")
        sys.exit(1)

    # 3. Say that it worked
    print("Socket Created")
    # endregion: exercise


main()
