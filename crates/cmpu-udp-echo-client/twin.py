"""Sends a datagram and waits for its echo; sends it again if it is lost.

Rust:       src/main.rs
Terminal 1: python3 crates/cmpu-udp-echo-server/twin.py --port 9900
Terminal 2: python3 crates/cmpu-udp-echo-client/twin.py --port 9900
"""

import argparse
import socket
import sys
import time

LONGEST_MESSAGE = 65_507


def main():
    # Print each line at once, also into a pipe, whatever characters it has.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.excepthook = show_error

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--timeout", type=float, default=1)
    parser.add_argument("--message", default="Test message. This will be echoed")
    parser.add_argument("--tries", type=int, default=5)
    args = parser.parse_args()
    message = args.message.encode()
    if len(message) > LONGEST_MESSAGE:
        fail(f"the message has {len(message)} bytes",
             "a datagram carries at most 65507; TCP has no such limit")
    address = (socket.gethostbyname(args.host), args.port)

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        # 2. Connect it to the server: datagrams from others are no longer received
        print(f"Connecting to {args.host} port {args.port}")
        server.connect(address)
        print(f"Sending {args.message}")
        failure = None
        try:
            echo(server, message, args.timeout, args.tries)
            print(f"received {args.message}")
        except OSError as error:
            failure = error

        # 5. Close the socket, also after a failure
        print("Closing connection to the server")
    if failure:
        fail("cannot get an echo from {}:{}: {}".format(*address, failure),
             "is the server running? "
             f"python3 crates/cmpu-udp-echo-server/twin.py --port {args.port}")
    # endregion: exercise


def echo(server, message, timeout, tries):
    # region: exercise
    for attempt in range(1, tries + 1):
        # 3. Send the message, again if its echo did not come
        if attempt > 1:
            print(f"no echo yet; sending again (try {attempt} of {tries})", file=sys.stderr)
        server.send(message)

        # 4. Receive its echo, and nothing else, within the time limit
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            server.settimeout(left)
            try:
                answer = server.recv(LONGEST_MESSAGE)
            except socket.timeout:
                break
            if answer == message:
                return
            print(f"ignored {len(answer)} bytes that are not an echo of the message",
                  file=sys.stderr)
    raise OSError(f"none came in {tries} tries")
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
