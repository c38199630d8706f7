"""Prints a line for each connection, and closes it.

Rust:       src/main.rs
Terminal 1: python3 crates/co223-task01-server/twin.py
Terminal 2: python3 crates/co223-task01-client/twin.py
"""

import argparse
import errno
import socket
import sys
import time

BACKLOG = 5
BIND_HINT = ("is another program using this port, perhaps the same server in another terminal? "
             "stop it, or choose another port with --port")


def main():
    # Print each line at once, also into a pipe, whatever characters it has.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.excepthook = show_error

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default=socket.gethostname())
    parser.add_argument("--port", type=int, default=1234)
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

    while True:
        # 5. Accept a client: a new socket, for this client alone
        try:
            connection, peer = listener.accept()
        except OSError as error:
            retry_accept(error)
            continue
        print(f"Connection from {peer} has been established.")

        # 6. Close the connection
        connection.close()
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
