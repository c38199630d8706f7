"""A peer on xconn: a callee, or a caller that checks one.

usage: xconn_peer.py callee|caller ROUTER FORMAT PREFIX...
"""

import os
import queue
import sys

from wampproto.serializers import CBORSerializer, JSONSerializer, MsgPackSerializer
from xconn.client import connect
from xconn.exception import ApplicationError
from xconn.types import Result

role, router, serializer, *prefixes = sys.argv[1:]
SERIALIZERS = {"json": JSONSerializer, "msgpack": MsgPackSerializer, "cbor": CBORSerializer}


def offer(session, prefix):
    def fail(_):
        raise ApplicationError("org.example.error.deliberate", "on purpose", 42)

    def register(name, work):
        session.register(prefix + name, work, {"invoke": "roundrobin"})

    register("add", lambda invocation: Result([sum(invocation.args)]))
    register("who", lambda _: Result([os.getpid()]))
    register("same", lambda invocation: Result(invocation.args))
    register("fail", fail)
    # xconn's callees cannot answer in parts.
    register("count", lambda invocation: Result(invocation.args))
    session.subscribe(
        prefix + "question", lambda event: session.publish(prefix + "answer", [event.args[0] + 1]))


def call(session, name, *args):
    return session.call(name, list(args)).args[0]


def check(what, good):
    if not good:
        raise AssertionError(what)


def check_error(session, name, uri, args):
    try:
        session.call(name, [])
    except ApplicationError as error:
        check(f"error {error}", error.message == uri and (args is None or list(error.args) == args))
    else:
        check("no error", False)


def ask(session, prefix):
    check("add", call(session, prefix + "add", 2, 3) == 5)
    value = {"text": "ä€", "list": [1, -1, 0.5, True, None], "big": 2 ** 32 - 1}
    check("same", call(session, prefix + "same", value) == value)
    check_error(session, prefix + "fail", "org.example.error.deliberate", ["on purpose", 42])
    check_error(session, prefix + "nobody", "wamp.error.no_such_procedure", None)
    # Nor can its callers take parts.
    check("count", call(session, prefix + "count", 4) == 4)
    who = [call(session, prefix + "who") for _ in range(4)]
    check(f"shared {who}", who[0] != who[1] and who[:2] == who[2:])
    answers = queue.Queue()
    session.subscribe(prefix + "answer", lambda event: answers.put(event.args[0]))
    session.publish(prefix + "question", [6], options={"acknowledge": True})
    for _ in range(2):  # Both callees are subscribed.
        check("event", answers.get(timeout=20) == 7)


def main():
    session = connect(router, "realm1", serializer=SERIALIZERS[serializer]())
    for prefix in prefixes:
        try:
            (offer if role == "callee" else ask)(session, prefix)
            if role == "caller":
                print(f"{prefix} good", flush=True)
        except Exception as error:
            print(f"{prefix} {error!r}", flush=True)
    if role == "callee":
        print("ready", flush=True)
    else:
        session.leave()


main()
