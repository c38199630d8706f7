"""Thanks each client for connecting and closes the connection.

Rust:       src/main.rs
Terminal 1: python3 crates/transparency-socket5/twin.py
Terminal 2: python3 crates/transparency-socket6/twin.py
"""

import argparse
import errno
import socket
import sys
import time

BACKLOG = 5
THANKS = b"Thank you for connecting"
DRAIN_LIMIT = 64 * 1024 * 1024
DRAIN_SIZE = 16 * 1024
BIND_HINT = ("is another program using this port, perhaps the same server in another terminal? "
             "stop it, or choose another port with --port")


def main():
    # Print each line at once, also into a pipe, whatever characters it has.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.excepthook = show_error

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="")
    parser.add_argument("--port", type=int, default=12345)
    parser.add_argument("--timeout", type=float, default=1)
    args = parser.parse_args()
    address = (socket.gethostbyname(args.host or "0.0.0.0"), args.port)

    # region: exercise
    # 1. Create the listening socket
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    print("Socket successfully created")

    # 2. Allow the port to be used again at once
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    # 3. Bind it to the server's address
    try:
        listener.bind(address)
    except OSError as error:
        fail("cannot bind to {}:{}: {}".format(*address, error), BIND_HINT)
    port = listener.getsockname()[1]
    print(f"socket binded to {port}")

    # 4. Listen: from here on the system completes handshakes
    listener.listen(BACKLOG)
    print("socket is listening")
    log_listening(listener)

    while True:
        # 5. Accept a client: a new socket, for this client alone
        try:
            connection, peer = listener.accept()
        except OSError as error:
            retry_accept(error)
            continue
        print(f"Got connection from {peer}")
        # An error on one connection ends that connection, not the server.
        with connection:
            try:
                thank(connection, args.timeout)
            except OSError as error:
                print(f"{peer}: {error}", file=sys.stderr)
    # endregion: exercise


def thank(connection, timeout):
    # region: exercise
    # 6. Send the thanks
    connection.sendall(THANKS)

    # 7. Close gracefully: end our direction, and read until the client closes too
    close_gracefully(connection, timeout)
    # endregion: exercise


def log_listening(server):
    host, port = server.getsockname()
    if host == "0.0.0.0":
        print("every machine that reaches one of this machine's addresses can connect; "
              "--host 127.0.0.1 keeps it to this machine", file=sys.stderr)
    print(f"listening on {host}:{port}", file=sys.stderr)


def retry_accept(error):
    if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):
        raise error  # The socket does not listen: trying again cannot help.
    if error.errno != errno.ECONNABORTED:
        time.sleep(0.1)  # The system is short of descriptors or memory: do not spin.
    print(f"cannot accept a client: {error}; waiting for the next", file=sys.stderr)


def close_gracefully(connection, timeout):
    # A close with bytes unread would send RST, and the peer could lose our last answer. So end only
    # our own direction, and read until the peer closes too.
    connection.shutdown(socket.SHUT_WR)
    deadline = time.monotonic() + timeout
    total = 0
    while total < DRAIN_LIMIT and (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        try:
            piece = connection.recv(DRAIN_SIZE)
        except socket.timeout:
            break
        if not piece:
            break
        total += len(piece)


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
