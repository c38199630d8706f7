"""Sends back what its one client sends, and ends with it.

Rust:       src/main.rs
Terminal 1: python3 crates/codio-echo-server/twin.py
Terminal 2: python3 crates/codio-echo-client/twin.py
"""

import argparse
import socket
import sys

BUFFER_SIZE = 1024
BACKLOG = 128
BIND_HINT = ("is another program using this port, perhaps the same server in another terminal? "
             "stop it, or choose another port with --port")


def main():
    # Print each line at once, also into a pipe, whatever characters it has.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.excepthook = show_error

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=65432)
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

    # 5. Accept a client: a new socket, for this client alone
    connection, peer = listener.accept()
    print(f"Connected by {peer}")

    with connection:
        while True:
            # 6. Receive a piece: whatever one recv gives
            piece = connection.recv(BUFFER_SIZE)
            if not piece:
                return  # The client has closed its side, and has everything back.

            # 7. Send it back
            connection.sendall(piece)
    # endregion: exercise


def log_listening(server):
    host, port = server.getsockname()
    if host == "0.0.0.0":
        print("every machine that reaches one of this machine's addresses can connect; "
              "--host 127.0.0.1 keeps it to this machine", file=sys.stderr)
    print(f"listening on {host}:{port}", file=sys.stderr)


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
