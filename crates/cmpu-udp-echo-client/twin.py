"""Sends a datagram and waits for its echo; sends it again if it is lost.

Rust:       src/main.rs
Terminal 1: python3 crates/cmpu-udp-echo-server/twin.py --port 9900
Terminal 2: python3 crates/cmpu-udp-echo-client/twin.py --port 9900
"""

import argparse
import contextlib
import errno
import signal
import socket
import sys
import time

LONGEST_MESSAGE = 65_507
HINTS = {
    errno.ECONNRESET: "the other side reset the connection: its terminal may say why",
    errno.EPIPE: "the program that was reading this has ended",
}


def main():
    # Print each line immediately, even into a pipe, and as UTF-8, so that every character works.
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.excepthook = show_error
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback, as in Rust.

    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=port_number, required=True)
    parser.add_argument("--timeout", type=seconds, default=1)
    parser.add_argument("--message", default="Test message. This will be echoed")
    parser.add_argument("--tries", type=number_of_tries, default=5)
    args = parser.parse_args()
    message = args.message.encode()
    if len(message) > LONGEST_MESSAGE:
        fail(f"the message has {len(message)} bytes",
             "a datagram carries at most 65507; TCP has no such limit")
    address = resolve(args.host, args.port)

    # region: exercise
    # 1. Create the socket
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        # 2. Connect it to the server: datagrams from others are no longer received
        print(f"Connecting to {args.host} port {args.port}")
        with cannot("connect to", address):
            server.connect(address)
        print(f"Sending {args.message}")
        failure = None
        try:
            echo(server, message, args.timeout, args.tries)
        except OSError as error:
            failure = error
        else:
            print(f"received {args.message}")

        # 5. Close the socket, also after a failure
        print("Closing connection to the server")
        server.close()
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
        server.settimeout(None)  # The time limit is for receiving alone.
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
    raise OSError(f"none came (tries: {tries})")
    # endregion: exercise


def port_number(text):
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError("a port is a whole number from 0 to 65535")
    return int(text)


def seconds(text):
    try:
        if 0.001 <= float(text) <= 86400:
            return float(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError("a time is a number of seconds from 0.001 to 86400")


def number_of_tries(text):
    if not (text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError("a number of tries must be a whole number, 1 or more")
    return int(text)


def resolve(host, port):
    with cannot("resolve the host name", host,
                "check the spelling and the network, or give an address: --host 127.0.0.1"):
        return socket.gethostbyname(host), port


@contextlib.contextmanager
def cannot(action, thing, hint=None):
    # The system's error says neither what was tried nor on which address.
    try:
        yield
    except OSError as error:
        if isinstance(thing, tuple):
            thing = "{}:{}".format(*thing)
        fail(f"cannot {action} {thing}: {error}", hint or HINTS.get(error.errno))


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


def fail(error, hint=None):
    sys.exit(f"Error: {error}" + (f"\nhint: {hint}" if hint else ""))


main()
