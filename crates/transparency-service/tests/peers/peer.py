"""A peer on autobahn-python: a callee, or a caller that checks one.

usage: peer.py callee|caller ROUTER FORMAT PREFIX...
"""

import os
import sys

from autobahn.twisted.component import Component, run
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import CallOptions, PublishOptions, RegisterOptions, SubscribeOptions
from twisted.internet import defer, reactor

role, router, serializer, *prefixes = sys.argv[1:]
component = Component(
    transports=[{"type": "websocket", "url": router, "serializers": [serializer], "max_retries": 0}],
    realm="realm1",
)
failures = []


def say(text):
    print(text, file=sys.__stdout__, flush=True)


@defer.inlineCallbacks
def offer(session, prefix):
    def fail(*args):
        raise ApplicationError("org.example.error.deliberate", "on purpose", 42)

    def count(number, details=None):
        # None where the caller takes no parts.
        if details.progress:
            for step in range(1, number):
                details.progress(step)
        return number

    shared = RegisterOptions(invoke="roundrobin")
    yield session.register(lambda a, b: a + b, prefix + "add", shared)
    yield session.register(lambda: os.getpid(), prefix + "who", shared)
    yield session.register(lambda value: value, prefix + "same", shared)
    yield session.register(fail, prefix + "fail", shared)
    yield session.register(count, prefix + "count", RegisterOptions(invoke="roundrobin", details_arg="details"))
    yield session.subscribe(
        lambda number: session.publish(prefix + "answer", number + 1), prefix + "question")


def check(what, good):
    if not good:
        failures.append(what)


@defer.inlineCallbacks
def ask(session, prefix):
    check("add", (yield session.call(prefix + "add", 2, 3)) == 5)
    value = {"text": "ä€", "list": [1, -1, 0.5, True, None], "big": 2 ** 32 - 1}
    check("same", (yield session.call(prefix + "same", value)) == value)
    try:
        yield session.call(prefix + "fail")
        check("no error", False)
    except ApplicationError as error:
        check(f"error {error}", error.error == "org.example.error.deliberate" and list(error.args) == ["on purpose", 42])
    try:
        yield session.call(prefix + "nobody")
        check("no error", False)
    except ApplicationError as error:
        check(f"error {error}", error.error == "wamp.error.no_such_procedure")
    steps = []
    last = yield session.call(prefix + "count", 4, options=CallOptions(on_progress=steps.append))
    # xconn's callees cannot answer in parts, and wampy.js does not announce that its own can.
    may_lack_parts = ".xconn." in prefix or ".wampy." in prefix
    check(f"progress {steps} {last}", (steps == [1, 2, 3] or may_lack_parts and not steps) and last == 4)
    who = []
    for _ in range(4):
        who.append((yield session.call(prefix + "who")))
    check(f"shared {who}", who[0] != who[1] and who[:2] == who[2:])
    answers = defer.DeferredQueue()
    yield session.subscribe(answers.put, prefix + "answer", SubscribeOptions())
    yield session.publish(prefix + "question", 6, options=PublishOptions(acknowledge=True))
    for _ in range(2):  # Both callees are subscribed.
        check("event", (yield answers.get()) == 7)


@component.on_join
@defer.inlineCallbacks
def joined(session, details):
    try:
        for prefix in prefixes:
            before = len(failures)
            yield (offer if role == "callee" else ask)(session, prefix)
            if role == "caller":
                say(f"{prefix} {'; '.join(failures[before:]) or 'good'}")
        if role == "callee":
            say("ready")
            return
    except Exception as error:
        say(f"failed: {error!r}")
    session.leave()


run([component], log_level="critical")
