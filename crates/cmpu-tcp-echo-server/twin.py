"""Sends a client's message back, one message per client, for one client after another.

Rust:       src/main.rs
Terminal 1: python3 crates/cmpu-tcp-echo-server/twin.py --port 9900
Terminal 2: python3 crates/cmpu-tcp-echo-client/twin.py --port 9900
"""

import argparse
import errno
import socket
import sys
import time

BUFFER_SIZE = 2048
BACKLOG = 5
CLOSE_TIMEOUT = 1
DRAIN_LIMIT = 64 * 1024 * 1024
DRAIN_SIZE = 16 * 1024
BIND_HINT = ("is another program using this port, perhaps the same server in another terminal? "
             "stop it, or choose another port with --port")


def main():
    # Print each line at once, also into a pipe, whatever characters it has.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.excepthook = show_error

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--timeout", type=float, default=60)
    args = parser.parse_args()
    address = (socket.gethostbyname(args.host), args.port)

    # region: exercise
    # 1. Create the listening socket
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    # 2. Allow the port to be used again at once
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    # 3. Bind it to the server's address
    try:
        listener.bind(address)
    except OSError as error:
        fail("cannot bind to {}:{}: {}".format(*address, error), BIND_HINT)

    # 4. Listen: from here on the system completes handshakes
    listener.listen(BACKLOG)
    log_listening(listener)
    port = listener.getsockname()[1]
    print(f"Starting up echo server on {args.host} port {port}")

    while True:
        print("Waiting to receive message from client")

        # 5. Accept a client: a new socket, for this client alone
        try:
            connection, peer = listener.accept()
        except OSError as error:
            retry_accept(error)
            continue
        # An error on one connection ends that connection, not the server.
        with connection:
            try:
                serve(connection, peer, args.timeout)
            except OSError as error:
                print(f"{peer}: {error}", file=sys.stderr)
    # endregion: exercise


def serve(connection, peer, timeout):
    # The server has one client at a time: without a limit, a silent one would stop all others.
    connection.settimeout(timeout)

    # region: exercise
    # 6. Receive the message: whatever one recv gives
    message = connection.recv(BUFFER_SIZE)
    if not message:
        raise OSError("closed the connection without a message")
    # The echo is the bytes themselves. Only the lines printed here need text.
    text = message.decode(errors="replace")
    print(f"Data: {text}")

    # 7. Send it back
    connection.sendall(message)
    print(f"sent {text} bytes back to {peer}")  # The sheet prints the text, not the number.

    # 8. Close gracefully: end our direction, and read until the client closes too
    close_gracefully(connection, CLOSE_TIMEOUT)
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
