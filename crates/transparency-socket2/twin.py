"""Creates an IPv4 TCP socket and says whether that worked.

Rust:       src/main.rs
Terminal 1: python3 crates/transparency-socket2/twin.py
"""

import argparse
import signal
import socket
import sys


def main():
    # Print each line immediately, even into a pipe, and as UTF-8, so that every character works.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.excepthook = show_error
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback, as in Rust.

    argparse.ArgumentParser().parse_args()

    # region: exercise
    # 1. Create the socket
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    except OSError as error:
        # 2. Say why it failed, and end with exit code 1
        code, message = error.errno, error.strerror
        print(f"Failed to create socket. Error code: {code} , Error message : {message}")
        fail(f"cannot create a TCP socket: {error}",
             "too many open files? ulimit -n shows how many this shell allows")

    # 3. Say that it worked
    print("Socket Created")
    # endregion: exercise


def show_error(kind, error, trace):
    # What a user can mend is one line, and the exit code is 1. A mistake in the program keeps its
    # traceback. Socket errors were handled earlier, so a broken pipe here is that of stdout.
    if kind is BrokenPipeError:
        print(f"Error: cannot write to stdout: {error}", file=sys.stderr)
        print("hint: the program that was reading this has ended", file=sys.stderr)
        sys.stdout = None  # Python would flush it once more at the end.
    elif issubclass(kind, (OSError, UnicodeEncodeError)):
        print(f"Error: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def fail(error, hint):
    sys.exit(f"Error: {error}\nhint: {hint}")


main()
