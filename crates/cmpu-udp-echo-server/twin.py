"""Sends each datagram back to where it came from.

Rust:       src/main.rs
Terminal 1: python3 crates/cmpu-udp-echo-server/twin.py --port 9900
Terminal 2: python3 crates/cmpu-udp-echo-client/twin.py --port 9900
"""

import argparse
import errno
import socket
import sys
import time

BUFFER_SIZE = 65_535
BIND_HINT = ("is another program using this port, perhaps the same server in another terminal? "
             "stop it, or choose another port with --port")


def main():
    # Print each line at once, also into a pipe, whatever characters it has.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.excepthook = show_error

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()
    address = (socket.gethostbyname(args.host), args.port)

    # region: exercise
    # 1. Create the socket: one for all clients
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    # 2. Bind it to the server's address: from here on datagrams can come
    try:
        server.bind(address)
    except OSError as error:
        fail("cannot bind to {}:{}: {}".format(*address, error), BIND_HINT)
    log_listening(server)
    port = server.getsockname()[1]
    print(f"Starting up echo server on {args.host} port {port}")

    while True:
        print("Waiting to receive message from client")

        # 3. Receive a datagram and the address it came from
        try:
            message, client = server.recvfrom(BUFFER_SIZE)
        except OSError as error:
            retry_receive(error)
            continue
        print(f"received {len(message)} bytes from {client}")
        # The echo is the bytes themselves. Only the line printed here needs text.
        print(f"Data: {message.decode(errors='replace')}")

        # 4. Send it back there
        try:
            count = server.sendto(message, client)
            print(f"sent {count} bytes back to {client}")
        except OSError as error:
            print(f"{client}: cannot send the echo: {error}", file=sys.stderr)
    # endregion: exercise


def log_listening(server):
    host, port = server.getsockname()
    if host == "0.0.0.0":
        print("every machine that reaches one of this machine's addresses can connect; "
              "--host 127.0.0.1 keeps it to this machine", file=sys.stderr)
    print(f"listening on {host}:{port}", file=sys.stderr)


def retry_receive(error):
    if error.errno == errno.EINVAL:
        raise error  # The socket cannot receive: trying again cannot help.
    if error.errno not in (errno.ECONNREFUSED, errno.ECONNRESET):
        time.sleep(0.1)  # The system is short of memory: do not spin.
    print(f"cannot receive a datagram: {error}; waiting for the next", file=sys.stderr)


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
