"""Calls and events by name: our router next to Crossbar, NATS and a relay that only passes frames
on.
"""

import os
import shutil
import socket
import subprocess
import time

from driver import BenchError, Case, Missing, port_of

TITLE = "transparency-middleware: calls and events by name"
NATS = "NATS (apt install nats-server)"
CROSSBAR = "Crossbar (scripts/peers)"
#: Calls in flight at a time, where there is more than one.
MANY = 64
#: A measurement pairs best with its neighbors when it is short, so there are more of them.
TIMES = 2

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PYTHON = os.path.join(ROOT, "target", "peers", "python", "bin")


def needs():
    there = {NATS: shutil.which("nats-server"), CROSSBAR: shutil.which("crossbar", path=PYTHON)}
    return [name for name, path in there.items() if not path]


def run(bench):
    load = bench.cargo("transparency-middleware", example="load")
    router = bench.cargo("transparency-router")
    seconds = bench.size(1.0, smoke=0.2)

    peers = {
        "wamp": ("wamp", bench.start([router, "--port", "0"])),
        "relay": ("relay", bench.start([load, "relay"])),
    }
    addresses = {name: (kind, f"127.0.0.1:{port_of(peer)}") for name, (kind, peer) in peers.items()}
    if NATS not in needs():
        addresses["nats"] = ("nats", start_nats(bench))
    if CROSSBAR not in needs():
        addresses["crossbar"] = ("wamp", start_crossbar(bench))

    def measure(name, words, column):
        def once():
            if name not in addresses:
                raise Missing(NATS if name == "nats" else CROSSBAR)
            mode, *rest = words
            kind, address = addresses[name]
            argv = [load, mode, kind, address, *rest, str(seconds)]
            return float(bench.call(argv, timeout=60).stdout.split()[column])

        return once

    def rate(name, outstanding):
        return measure(name, ["call", str(outstanding)], 0)

    def median_time(name):
        return measure(name, ["call", "1"], 1)

    relay, ours = "a relay without a protocol", "transparency-router"
    bench.compare(
        "1 call in flight: p50",
        [
            Case(relay, median_time("relay")),
            Case(ours, median_time("wamp"), against=relay, bound="<= 1.25"),
            Case("NATS", median_time("nats"), against=relay),
            Case("Crossbar", median_time("crossbar"), against=relay),
        ],
        unit="µs",
        digits=1,
        times=TIMES,
    )
    for outstanding, nats, crossbar in [(1, ">= 1.3", ">= 4"), (MANY, ">= 0.9", ">= 15")]:
        calls = "1 call in flight" if outstanding == 1 else f"{outstanding} calls in flight"
        for other, name, bound in [("NATS", "nats", nats), ("Crossbar", "crossbar", crossbar)]:
            bench.compare(
                f"{calls}: rate versus {other}",
                [
                    Case(other, rate(name, outstanding)),
                    Case(ours, rate("wamp", outstanding), against=other, bound=bound),
                ],
                unit="calls/s",
                digits=0,
                times=TIMES,
            )
    fan = ["fan", "8"]
    bench.compare(
        "fan-out to 8 subscribers",
        [
            Case("NATS", measure("nats", fan, 0)),
            Case(ours, measure("wamp", fan, 0), against="NATS", bound=">= 0.85"),
            Case("Crossbar", measure("crossbar", fan, 0), against="NATS"),
        ],
        unit="events/s",
        digits=0,
        times=TIMES,
    )
    with_tls(bench, router, load, seconds)
    idle_sessions(bench, router, load)
    start_up(bench, router)


def with_tls(bench, router, load, seconds):
    """The same calls through our own client, plain and with TLS."""
    folder = os.path.join(bench.folder, "certificate")
    os.makedirs(folder, exist_ok=True)
    maker = bench.cargo("transparency-router", example="certificate")
    subprocess.run([maker], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    certificate, key = os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem")
    plain = port_of(bench.start([router, "--port", "0"]))
    secure = port_of(bench.start([router, "--port", "0", "--tls-cert", certificate, "--tls-key", key]))

    def median_time(url, trust):
        argv = [load, "session", url, trust, str(seconds)]
        return lambda: float(bench.call(argv, timeout=60).stdout.split()[1])

    bench.compare(
        "1 call in flight, our client: p50",
        [
            Case("plain", median_time(f"ws://127.0.0.1:{plain}/ws", "-")),
            Case("with TLS", median_time(f"wss://127.0.0.1:{secure}/ws", certificate), against="plain", bound="<= 1.3"),
        ],
        unit="µs",
        digits=1,
        times=TIMES,
    )


def start_nats(bench):
    port = free_port()
    bench.start(["nats-server", "-a", "127.0.0.1", "-p", str(port)], ready="Server is ready")
    said = subprocess.run(["nats-server", "--version"], capture_output=True, text=True, check=True)
    bench.version("nats-server", said.stdout.split()[-1])
    return f"127.0.0.1:{port}"


def start_crossbar(bench):
    """One node with the README's configuration, on its own port."""
    port = free_port()
    node = os.path.join(bench.folder, "crossbar")
    os.makedirs(node, exist_ok=True)
    config = os.path.join(bench.package("transparency-service"), "crossbar", "one", "config.json")
    with open(config, encoding="utf-8") as file:
        text = file.read().replace("8080", str(port))
    with open(os.path.join(node, "config.json"), "w", encoding="utf-8") as file:
        file.write(text)
    program = os.path.join(PYTHON, "crossbar")
    argv = [program, "start", "--cbdir", node, "--color", "false"]
    bench.start(argv, ready="NODE_BOOT_COMPLETE", ready_on="stdout", timeout=60)
    script = "from importlib.metadata import version; print(version('crossbar'))"
    said = subprocess.run([os.path.join(PYTHON, "python"), "-c", script], capture_output=True, text=True, check=True)
    bench.version("crossbar", said.stdout.strip())
    return f"127.0.0.1:{port}"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def idle_sessions(bench, router, load):
    """Memory for each of many sessions, which all answer in the end."""
    count = bench.size(5000, smoke=50)
    memory = []
    for _ in range(bench.runs):
        with bench.start([router, "--port", "0"]) as idle:
            before = resident(idle)
            argv = [load, "idle", f"127.0.0.1:{port_of(idle)}", str(count)]
            holder = bench.start(argv, ready="holding them", stdin=subprocess.PIPE, timeout=60)
            memory.append((resident(idle) - before) / count)
            holder.end_input()
            code = holder.wait(timeout=60)
            if code != 0:
                raise BenchError(f"not all of {count} idle sessions still answer: {holder.output}")
    bench.figure("memory of an idle session", f"{count} sessions, each answers", memory, "KiB", digits=1, limit="<= 40")


def start_up(bench, router):
    times = []
    for _ in range(bench.runs):
        began = time.monotonic()
        with bench.start([router, "--port", "0"]):
            times.append((time.monotonic() - began) * 1000)
    bench.figure("from the command to ready", "transparency-router", times, "ms", digits=1, limit="<= 50")


def resident(peer):
    """A process's VmRSS in KiB."""
    with open(f"/proc/{peer.pid}/status", encoding="utf-8") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    raise OSError(f"no VmRSS of process {peer.pid}")
