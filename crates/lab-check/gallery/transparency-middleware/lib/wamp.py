"""A WebSocket and WAMP on it, as far as the answers next to this folder need them, with Python's
standard library alone.

The answers in Python are made of these classes, and each wrong one changes what it gets wrong.
"""

import base64
import json
import os
import socket
import sys
import time

REALM = "realm1"


class WebSocket:
    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port))
        self.received = b""
        self.send_request(host, port)
        while b"\r\n\r\n" not in self.received:
            self.receive()
        head, self.received = self.received.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            sys.exit("the server does not open a WebSocket")

    def send_request(self, host, port):
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((
            f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n").encode())

    def receive(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("the router has closed the connection")
        self.received += piece

    def take(self, count):
        while len(self.received) < count:
            self.receive()
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    def read_frame(self):
        first, length = self.take(2)
        if length == 126:
            length = int.from_bytes(self.take(2), "big")
        elif length == 127:
            length = int.from_bytes(self.take(8), "big")
        return first, self.take(length)

    def read(self):
        message = b""
        while True:
            first, content = self.read_frame()
            opcode = first & 0x0F
            if opcode == 8:
                raise ConnectionError("the router has closed the WebSocket")
            if opcode == 9:
                self.pong(content)
            elif opcode < 8:
                message += content
                if first & 0x80:
                    return message.decode()

    def pong(self, content):
        self.send_frame(10, content)

    def send_frame(self, opcode, content):
        length = len(content)
        head = bytes([0x80 | length]) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(content))
        self.socket.sendall(bytes([0x80 | opcode]) + head + mask + masked)

    def send(self, text):
        self.send_frame(1, text.encode())

    def close(self):
        self.send_frame(8, (1000).to_bytes(2, "big"))
        self.socket.close()


class Session:
    websocket = WebSocket

    def __init__(self, host, port):
        self.wire = self.websocket(host, port)
        self.request = 0
        self.join()

    def join(self):
        self.say(1, REALM, {"roles": {"callee": {}, "caller": {}, "publisher": {}}})
        if self.hear()[0] != 2:
            self.refused()

    def refused(self):
        sys.exit("the router does not let us in")

    def say(self, *message):
        self.wire.send(json.dumps(message))

    def hear(self):
        return json.loads(self.wire.read())

    def next(self):
        self.request += 1
        return self.request


class Failed(Exception):
    """What a procedure answers where it has no result: the error's name."""


class Service(Session):
    """The calculator and the counter."""

    def __init__(self, host, port, path):
        self.path = path
        self.names = {}
        self.load()
        super().__init__(host, port)
        self.register()

    def register(self):
        for name in ("calculator.add", "calculator.subtract", "calculator.multiply", "calculator.divide",
                     "counter.value", "counter.add", "counter.add_once"):
            self.register_name("org.example." + name)

    def register_name(self, name):
        self.say(64, self.next(), {}, name)
        self.names[self.hear()[2]] = name

    def load(self):
        self.state = {"total": 0, "keys": {}}
        if os.path.exists(self.path):
            with open(self.path) as file:
                self.state = json.load(file)

    def save(self):
        with open(self.path + ".new", "w") as file:
            json.dump(self.state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self.path + ".new", self.path)

    def serve(self):
        while True:
            self.handle(self.hear())

    def handle(self, message):
        if message[0] == 6:
            self.goodbye()
        elif message[0] == 68:
            args = message[4] if len(message) > 4 else []
            self.invoked(message[1], self.names[message[2]], args)

    def goodbye(self):
        self.say(6, {}, "wamp.close.goodbye_and_out")
        self.wire.close()
        sys.exit()

    def invoked(self, request, name, args):
        try:
            self.answer(request, self.work(name.rsplit(".", 2)[1:], args))
        except Failed as error:
            self.say(8, 68, request, {}, str(error))

    def answer(self, request, result):
        self.say(70, request, {}, [result])

    def work(self, name, args):
        if name[0] == "calculator":
            return self.calculate(name[1], args)
        if name[1] != "value":
            self.count(*args)
        return self.state["total"]

    def calculate(self, name, args):
        if len(args) != 2 or not all(type(arg) is int for arg in args):
            raise Failed("wamp.error.invalid_argument")
        a, b = args
        if name == "divide":
            return self.divide(a, b)
        return {"add": a + b, "subtract": a - b, "multiply": a * b}[name]

    def divide(self, a, b):
        if b == 0:
            raise Failed("org.example.error.division_by_zero")
        return a / b

    def count(self, amount, key=None):
        if key is not None and key in self.state["keys"]:
            return
        self.state["total"] += amount
        if key is not None:
            self.state["keys"][key] = True
        self.save()
        self.publish()

    def publish(self):
        self.say(16, self.next(), {}, "org.example.counter.changed", [self.state["total"]])


def serve(service):
    """Serves forever: python3 FILE HOST PORT STATE."""
    host, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    pause = 0.05
    while True:
        try:
            session = service(host, port, path)
            pause = 0.05
            session.serve()
        except ConnectionError as error:
            print(f"{error}; trying again", file=sys.stderr)
            time.sleep(pause)
            pause = min(2 * pause, 2)


class Caller(Session):
    """Calls one procedure and leaves."""

    procedure, args = "org.example.calculator.add", [2, 3]

    def call(self):
        self.say(48, self.next(), {}, self.procedure, self.args)
        answer = self.hear()
        if answer[0] == 8:
            self.failed(answer[4])
        print(answer[3][0])
        self.leave()

    def failed(self, name):
        sys.exit(f"{self.procedure} failed: {name}")

    def leave(self):
        self.say(6, {}, "wamp.close.close_realm")
        self.hear()
        self.wire.close()


def call(caller):
    """Calls once: python3 FILE HOST PORT."""
    try:
        caller(sys.argv[1], int(sys.argv[2])).call()
    except OSError as error:
        sys.exit(f"the call was not answered: {error}")
