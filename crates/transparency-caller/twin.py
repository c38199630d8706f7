"""Calls procedures by name. Where they run, in which language, and in how many processes, it does
not know.

Rust:       src/main.rs
Needs:      python3 -m pip install 'autobahn[twisted,serialization]'
Terminal 1: cargo run -p transparency-router
Terminal 2: cargo run -p transparency-service
Terminal 3: python3 crates/transparency-caller/twin.py
"""

import argparse
import json
import secrets
import sys

from autobahn.twisted.component import Component, run
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import CallOptions
from twisted.internet import defer, reactor


# autobahn's log takes sys.stdout and sys.stderr over; these are what they were before.
def say(text):
    print(text, file=sys.__stdout__, flush=True)


def note(text):
    print(text, file=sys.__stderr__, flush=True)


def value(word):
    try:
        return json.loads(word)
    except ValueError:
        return word


def tour():
    key = secrets.token_hex(8)
    return [
        ("org.example.calculator.add", [2, 3]),
        ("org.example.calculator.divide", [1, 4]),
        ("org.example.calculator.divide", [1, 0]),
        ("org.example.counter.add", [1]),
        # The same key twice: the second changes nothing.
        ("org.example.counter.add_once", [10, key]),
        ("org.example.counter.add_once", [10, key]),
        ("org.example.counter.value", []),
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--router", default="ws://127.0.0.1:8080/ws")
    parser.add_argument("--realm", default="realm1")
    parser.add_argument("--format", default="json", choices=["json", "msgpack", "cbor"])
    parser.add_argument("--timeout", type=float, default=10)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("call", nargs="*")
    args = parser.parse_args()
    calls = [(args.call[0], [value(word) for word in args.call[1:]])] if args.call else tour()
    failed = []
    finished = []

    # 1. Connect to a router and join its realm
    component = Component(
        transports=[{"type": "websocket", "url": args.router, "serializers": [args.format], "max_retries": 0}],
        realm=args.realm,
    )

    @component.on_join
    @defer.inlineCallbacks
    def joined(session, details):
        for _ in range(args.count):
            for procedure, values in calls:
                shown = f"{procedure}({', '.join(json.dumps(value) for value in values)})"

                # 2. Call by name, and print each result
                try:
                    # The time is kept here; the router is told as well, and some take no notice.
                    answer = session.call(
                        procedure, *values, options=CallOptions(timeout=int(args.timeout * 1000)))
                    result = yield answer.addTimeout(args.timeout, reactor)
                    say(f"{shown} = {json.dumps(result)}")
                except defer.TimeoutError:
                    say(f"{shown}: no answer before the deadline; it may have been carried out")
                    if args.call:
                        failed.append("timeout")
                except ApplicationError as error:
                    say(f"{shown}: {error.error}: {error.args[0] if error.args else ''}")
                    if args.call:
                        failed.append(error.error)

        # 3. Leave
        finished.append(True)
        yield session.leave()

    @component.on_connectfailure
    def unreachable(_, error):
        if isinstance(error, ApplicationError):
            note(f"Error: cannot join {args.realm} at {args.router}: {error.error}: {error.args[0] if error.args else ''}")
            note("hint: the router does not admit a client to this realm in this way; --realm names another")
        else:
            note(f"Error: cannot join {args.realm} at {args.router}: {error}")
            note("hint: is the router running? cargo run -p transparency-router")
        failed.append(error)

    try:
        run([component], log_level="critical")
    except SystemExit:
        # twisted's own end, with 0 whatever happened.
        pass
    sys.exit(1 if failed or not finished else 0)


main()
