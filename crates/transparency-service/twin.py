"""Offers a counter and a calculator by name. Who calls them, and from where, it does not know.

Rust:       src/main.rs
Needs:      python3 -m pip install 'autobahn[twisted,serialization]'
Terminal 1: cargo run -p transparency-router
Terminal 2: python3 crates/transparency-service/twin.py
Terminal 3: cargo run -p transparency-caller
"""

import argparse
import fcntl
import os
import re
import signal
import sys
import zlib

from autobahn.twisted.component import Component, run
from autobahn.wamp.exception import ApplicationError, TransportLost
from autobahn.wamp.types import RegisterOptions
from twisted.internet import defer, reactor, task, threads

COUNTER = "org.example.counter."
KEYS = 10_000
# Seconds that another process may take to give the log up, and how often it is asked for.
PATIENCE = 2
INTERVAL = 0.002
# Seconds that the calls in flight may take when the service is asked to end.
DRAIN_LIMIT = 30
LONGEST = 2 ** 63


# autobahn's log takes sys.stdout and sys.stderr over; these are what they were before.
def say(text):
    print(text, file=sys.__stdout__, flush=True)


def note(text):
    print(text, file=sys.__stderr__, flush=True)


def fail(uri, text):
    raise ApplicationError(uri, text)


def arguments(args, *kinds):
    # bool is a kind of int in Python, and none on the wire.
    if len(args) != len(kinds) or not all(type(arg) is kind for arg, kind in zip(args, kinds)):
        fail("wamp.error.invalid_argument", f"{len(kinds)} arguments: {', '.join(kind.__name__ for kind in kinds)}")


class Counter:
    """The same log as the Rust service's: either can continue where the other stopped."""

    def __init__(self, path):
        self.path = path
        self.file = None
        self.total = 0
        self.keys = {}

    def try_open(self):
        if self.file:
            return True
        file = open(self.path, "ab+", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        file.seek(0)
        whole = file.read()
        length = self.replay(whole)
        if length < len(whole):
            note(f"{self.path} ends in {len(whole) - length} bytes of a line that was not finished: cut off")
            file.truncate(length)
            os.fsync(file.fileno())
        self.file = file
        return True

    def replay(self, whole):
        length = 0
        lines = whole.split(b"\n")[:-1]
        for number, line in enumerate(lines, 1):
            text, _, crc = line.rpartition(b" ")
            words = text.split(b" ")
            good = len(words) == 3 and crc == b"%08x" % zlib.crc32(text)
            if not good or self.total + int(words[1]) != int(words[0]):
                if number == len(lines) and length + len(line) + 1 == len(whole):
                    break
                sys.exit(f"the counter's log {self.path} is damaged: line {number} is not what was written")
            self.total = int(words[0])
            self.remember(words[2].decode())
            length += len(line) + 1
        return length

    def add(self, amount, key="-"):
        """Gives the total after the addition of this key, and whether it is new."""
        if key != "-" and key in self.keys:
            return self.keys[key], False
        total = self.total + amount
        if not -LONGEST <= total < LONGEST:
            fail("org.example.error.overflow", "the total would not fit into 64 bits")
        text = f"{total} {amount} {key}".encode()
        self.file.write(text + b" %08x\n" % zlib.crc32(text))
        os.fdatasync(self.file.fileno())
        self.total = total
        self.remember(key)
        return total, True

    def remember(self, key):
        if key != "-":
            self.keys[key] = self.total
            if len(self.keys) > KEYS:
                # A dictionary keeps the order in which things were put in.
                del self.keys[next(iter(self.keys))]


class Calls:
    """Counts the calls in flight, so that a service that leaves can end them first."""

    def __init__(self):
        self.running = 0
        self.idle = []

    def counted(self, handler):
        def run(*values):
            self.running += 1
            return defer.maybeDeferred(handler, *values).addBoth(self.ended)
        return run

    def ended(self, result):
        self.running -= 1
        if not self.running:
            waiting, self.idle = self.idle, []
            for deferred in waiting:
                # autobahn sends the answer in this turn, as soon as it
                # has it from here; anyone who waits comes after it.
                reactor.callLater(0, deferred.callback, None)
        return result

    def wait(self, limit):
        """Fires when no call runs, or fails with defer.TimeoutError."""
        deferred = defer.Deferred()
        if self.running:
            self.idle.append(deferred)
        else:
            deferred.callback(None)
        return deferred.addTimeout(limit, reactor)


def calculate(name, a, b):
    if name == "divide" and b == 0:
        fail("org.example.error.division_by_zero", "nothing can be divided by 0")
    if name == "divide" and a % b:
        return a / b
    result = {"add": a + b, "subtract": a - b, "multiply": a * b}.get(name)
    if result is None:
        result = a // b
    if not -LONGEST <= result < LONGEST:
        fail("org.example.error.overflow", "the result does not fit into 64 bits")
    return result


def report(call, args, result):
    shown = ", ".join(f'"{arg}"' if isinstance(arg, str) else str(arg) for arg in args)
    say(f"{call}({shown}) = {result}")
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--router", default="ws://127.0.0.1:8080/ws")
    parser.add_argument("--realm", default="realm1")
    parser.add_argument("--format", default="json", choices=["json", "msgpack", "cbor"])
    parser.add_argument("--log", default="counter.log")
    args = parser.parse_args()

    # 1. Open the state, unless another replica has it
    counter = Counter(args.log)
    if not counter.try_open():
        note(f"{args.log} is another replica's: standing by")
    # Both outlive a connection: an addition may still be
    # on its way to the disk when the next one is there.
    adding = defer.DeferredLock()
    calls = Calls()

    # 2. Connect to a router and join its realm
    component = Component(
        transports=[{"type": "websocket", "url": args.router, "serializers": [args.format], "max_retries": -1,
                     "initial_retry_delay": 0.05, "max_retry_delay": 2}],
        realm=args.realm,
    )

    @component.on_join
    @defer.inlineCallbacks
    def joined(session, details):
        note(f"connected to {args.router}")
        registrations = []

        # 3. End well on Ctrl-C and SIGTERM: give the names up, finish what runs, leave
        @defer.inlineCallbacks
        def leave():
            note("leaving")
            try:
                for registration in registrations:
                    yield registration.unregister()
                # What the router sent before it knew has come
                # by now, and is ended before the session is.
                yield calls.wait(DRAIN_LIMIT)
                yield session.leave()
            except defer.TimeoutError:
                note("calls were cut off: they took too long")
            except Exception as error:
                # Without a connection there are no names to
                # give up, and nobody who waits for an answer.
                note(f"left without GOODBYE: {error}")
            component.stop()

        # twisted has its own handlers, which would not unregister first.
        signal.signal(signal.SIGTERM, lambda *_: reactor.callFromThread(leave))
        signal.signal(signal.SIGINT, lambda *_: reactor.callFromThread(leave))

        # 4. Offer the procedures by name
        @defer.inlineCallbacks
        def offer(handler, procedure, invoke):
            registrations.append((yield session.register(
                calls.counted(handler), procedure, RegisterOptions(invoke=invoke))))

        def calculator(name):
            def handler(*values):
                arguments(values, int, int)
                return report(f"org.example.calculator.{name}", values, calculate(name, *values))
            return handler

        for name in ("add", "divide", "multiply", "subtract"):
            yield offer(calculator(name), f"org.example.calculator.{name}", "roundrobin")

        def counting(procedure):
            return lambda *values: count(procedure, values)

        @defer.inlineCallbacks
        def count(procedure, values):
            name = procedure[len(COUNTER):]
            if name == "value":
                arguments(values)
            elif name == "add":
                arguments(values, int)
            else:
                arguments(values, int, str)
                if values[1] == "-" or not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", values[1]):
                    fail("wamp.error.invalid_argument",
                         "a key is 1 to 64 letters, digits, dots, underscores and hyphens")
            deadline = reactor.seconds() + PATIENCE
            while not counter.try_open():
                if reactor.seconds() >= deadline:
                    fail("org.example.error.busy", "another replica has the counter")
                yield task.deferLater(reactor, INTERVAL, lambda: None)
            if name == "value":
                return report(procedure, values, counter.total)
            # A caller that cancels ends this wait, and not the addition.
            waiting = defer.Deferred()
            add(*values).chainDeferred(waiting)
            return report(procedure, values, (yield waiting))

        @calls.counted
        @defer.inlineCallbacks
        def add(*values):
            # fdatasync waits for the disk; the reactor has other
            # things to do meanwhile. One addition at a time.
            total, new = yield adding.run(threads.deferToThread, counter.add, *values)
            # The lock lets the next one begin, not overtake:
            # new totals are published in the log's order.
            if new:
                try:
                    session.publish(COUNTER + "changed", total)
                except TransportLost:
                    note("cannot publish the new total: the connection is lost")
            return total

        deadline = reactor.seconds() + 5
        while not counter.try_open() and reactor.seconds() < deadline:
            try:
                yield session.call(COUNTER + "value")
                break
            except ApplicationError:
                yield task.deferLater(reactor, 0.02, lambda: None)
        # The last of them answers for all: anyone who has it has the others.
        for name in ("add", "add_once", "value"):
            yield offer(counting(COUNTER + name), COUNTER + name, "first")
        note("serving org.example.calculator and org.example.counter")

    # 5. Serve until the session ends
    run([component], log_level="critical")


main()
