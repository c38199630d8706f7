"""Ten minutes of load on one router: whether its memory stays what it was after the first two."""

import time

from driver import port_of
from middleware import resident

TITLE = "transparency-router: memory over ten minutes of load"
#: Left out unless it is named.
LONG = True

# : The router may take memory for as long as this
# before it has to stay with what it has, in seconds.
WARM_UP = 120


def needs():
    return []


def run(bench):
    load = bench.cargo("transparency-middleware", example="load")
    router = bench.cargo("transparency-router")
    length = bench.size(600, smoke=2)
    warm_up = min(WARM_UP, length / 2)
    turn = bench.size(2, smoke=0.2)

    memory, rates = [], {"calls": [], "events": []}
    with bench.start([router, "--port", "0"]) as peer:
        address = f"127.0.0.1:{port_of(peer)}"
        began = time.monotonic()
        while time.monotonic() - began < length:
            # Each of these joins, works and goes: sessions come and go all the time.
            for column, words in [
                ("calls", ["call", "wamp", address, "64"]),
                ("calls", ["call", "wamp", address, "1"]),
                ("events", ["fan", "wamp", address, "8"]),
            ]:
                said = bench.call([load, *words, str(turn)], timeout=60).stdout
                rates[column].append(float(said.split()[0]) * turn)
            bench.progress(f"{time.monotonic() - began:.0f} s: {resident(peer)} KiB")
            if time.monotonic() - began >= warm_up:
                memory.append(resident(peer))
        peak = peer.peak_memory() / 1024
    for what, counts in rates.items():
        bench.figure(f"in {length:.0f} s", f"{what} carried", [sum(counts)], "", digits=0)
    bench.figure("resident memory after each round", "transparency-router", memory, "KiB", digits=0)
    bench.figure("peak of resident memory", "transparency-router", [peak], "KiB", digits=0)
    # The median of the last quarter less that of the first, so that one round decides nothing.
    quarter = max(1, len(memory) // 4)
    first, last = (sorted(part)[len(part) // 2] for part in (memory[:quarter], memory[-quarter:]))
    bench.figure(
        f"growth after the first {warm_up:.0f} s", "transparency-router", [last - first], "KiB", digits=0, limit="<= 512"
    )
