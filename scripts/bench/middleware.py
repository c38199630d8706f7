"""Calls and events by name: our router beside NATS and a relay that only passes frames on."""

import shutil
import socket
import subprocess
import time

from driver import Case, Missing, port_of

TITLE = "transparency-middleware: calls and events by name"
README = "crates/transparency-middleware/README.md"
NATS = "NATS (apt install nats-server)"


def needs():
    return [] if shutil.which("nats-server") else [NATS]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run(bench):
    load = bench.cargo("transparency-middleware", example="load")
    router = bench.cargo("transparency-router")
    seconds = bench.size(1.5, smoke=0.2)

    peer = bench.start([router, "--port", "0"])
    relay = bench.start([load, "relay"])
    addresses = {
        "wamp": f"127.0.0.1:{port_of(peer)}",
        "relay": f"127.0.0.1:{port_of(relay)}",
    }
    if shutil.which("nats-server"):
        port = free_port()
        bench.start(["nats-server", "-a", "127.0.0.1", "-p", str(port)], ready="Server is ready")
        addresses["nats"] = f"127.0.0.1:{port}"
        version = subprocess.run(["nats-server", "--version"], capture_output=True, text=True, check=True)
        bench.version("nats-server", version.stdout.split()[-1])

    def calls(kind, outstanding, column):
        def measure():
            if kind not in addresses:
                raise Missing(NATS)
            argv = [load, "call", kind, addresses[kind], str(outstanding), str(seconds)]
            return float(bench.call(argv, timeout=60).stdout.split()[column])

        return measure

    def fan(kind):
        def measure():
            if kind not in addresses:
                raise Missing(NATS)
            argv = [load, "fan", kind, addresses[kind], "8", str(seconds)]
            return float(bench.call(argv, timeout=60).stdout)

        return measure

    bench.compare(
        "1 call under way: p50",
        [
            Case("a relay without a protocol", calls("relay", 1, 1)),
            Case("transparency-router", calls("wamp", 1, 1), against="a relay without a protocol", bound="<= 1.25"),
            Case("NATS", calls("nats", 1, 1), against="a relay without a protocol"),
        ],
        unit="µs",
        digits=1,
    )
    bench.compare(
        "1 call under way: rate",
        [
            Case("NATS", calls("nats", 1, 0)),
            Case("transparency-router", calls("wamp", 1, 0), against="NATS", bound=">= 1.3"),
        ],
        unit="calls/s",
        digits=0,
    )
    bench.compare(
        "64 calls under way: rate",
        [
            Case("NATS", calls("nats", 64, 0)),
            Case("transparency-router", calls("wamp", 64, 0), against="NATS", bound=">= 0.9"),
            Case("a relay without a protocol", calls("relay", 64, 0), against="NATS"),
        ],
        unit="calls/s",
        digits=0,
    )
    bench.compare(
        "fan-out to 8 subscribers",
        [
            Case("NATS", fan("nats")),
            Case("transparency-router", fan("wamp"), against="NATS", bound=">= 0.85"),
        ],
        unit="events/s",
        digits=0,
    )

    count = bench.size(5000, smoke=50)
    with bench.start([router, "--port", "0"]) as idle:
        before = resident(idle)
        argv = [load, "idle", f"127.0.0.1:{port_of(idle)}", str(count)]
        with bench.start(argv, ready=r"holding them", stdin=subprocess.PIPE):
            memory = (resident(idle) - before) / count
        bench.figure("memory of an idle session", f"{count} sessions", [memory], "KiB", digits=1, limit="<= 40")

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
