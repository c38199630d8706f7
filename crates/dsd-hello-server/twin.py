"""Tells its client what it received, and ends; with --forever it takes the next client.

Rust:       src/main.rs
Terminal 1: python3 crates/dsd-hello-server/twin.py
Terminal 2: python3 crates/dsd-hello-client/twin.py
"""

import argparse
import errno
import socket
import sys
import time

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
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--forever", action="store_true")
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
        print(f"Connected by {peer}")
        # With one client only, no other client waits: a time limit is not needed.
        timeout = args.timeout if args.forever else None
        failure = None
        with connection:
            try:
                serve(connection, timeout)
            except OSError as error:
                failure = error

        # 8. End with the first client, or take the next: exercise 3
        if not args.forever:
            if failure:
                fail(f"cannot serve {peer}: {failure}", "the client's terminal may say why")
            return
        # An error on one connection ends that connection, not the server.
        if failure:
            print(f"{peer}: {failure}", file=sys.stderr)
    # endregion: exercise


def serve(connection, timeout):
    connection.settimeout(timeout)
    # region: exercise
    while True:
        # 6. Receive a message: whatever one recv gives
        message = connection.recv(BUFFER_SIZE)
        if not message:
            return  # The client has closed its side.

        # 7. Send the answer
        text = message.decode(errors="replace")
        answer = f'I got "{text}" from you and I am sending it back.'
        connection.sendall(answer.encode())
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
