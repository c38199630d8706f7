"""Creates an IPv4 TCP socket, and nothing else.

Rust:       src/main.rs
Terminal 1: python3 crates/transparency-socket1/twin.py
"""

import argparse
import socket


def main():
    argparse.ArgumentParser().parse_args()

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM):
        pass
    # endregion: exercise


main()
