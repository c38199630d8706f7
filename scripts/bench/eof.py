"""A long message that ends with <EOF>: labnet's reader next to a plain receive, and next to Python.
"""

import os
import sys

from driver import Case, c_needs, port_of
from driver.stats import median

TITLE = "Receiving a message that ends with <EOF>"

MIB = 1024 * 1024
GROWTH = (32, 64, 128, 256)


def needs():
    return c_needs()


def run(bench):
    send = bench.cc("send.c")
    rust = bench.cargo("labnet", example="receive")
    python = [sys.executable, os.path.join(bench.root, "scripts", "bench", "python", "receive.py")]
    full = bench.size(256, smoke=1) * MIB
    peaks = {}

    def receiver(how, piece):
        if how in ("find", "natural"):
            return python + [how, str(piece)]
        return [rust, how, "--piece", str(piece)]

    def seconds(how, piece, size, messages=bench.size(3, smoke=1)):
        framing = {"append": "plain", "in-place": "plain", "prefixed": "prefixed"}.get(how, "delimited")
        with bench.start(receiver(how, piece), cpu=0) as peer:
            # One message's time swings by a tenth with the memory
            # pages that the system hands out, a median by less.
            times = []
            for _ in range(messages):
                times.append(float(bench.call([send, port_of(peer), str(size), framing], cpu=1).stdout))
            if size == full:
                peaks.setdefault((how, piece), []).append((peer.peak_memory() - size) / MIB)
        return median(times)

    def speed(how, piece, size=full):
        return lambda: size / seconds(how, piece, size) / 1e9

    for piece, words in ((1024, "1 KiB"), (64 * 1024, "64 KiB")):
        plain = "plain receive into one Vec"
        cases = [
            Case(plain, speed("append", piece)),
            Case("plain receive in place", speed("in-place", piece), against=plain),
            Case("DelimitedReader", speed("delimited", piece), against=plain, bound=">= 0.9"),
        ]
        if piece == 64 * 1024:
            cases.append(Case("PrefixedReader", speed("prefixed", piece), against=plain))
        cases.append(Case("Python, bytearray and find(start)", speed("find", piece), against=plain))
        bench.compare(f"{full // MIB} MiB in pieces of {words}", cases, unit="GB/s", digits=3)

    figure = f"peak memory less the message, {full // MIB} MiB, worst run"
    for how, piece, name in (
        ("delimited", 1024, "DelimitedReader, 1 KiB"),
        ("delimited", 64 * 1024, "DelimitedReader, 64 KiB"),
        ("prefixed", 64 * 1024, "PrefixedReader"),
    ):
        bench.figure(figure, name, [max(peaks[how, piece])], "MiB", limit="<= 8")

    first = f"{GROWTH[0]} MiB"

    def nanoseconds_a_byte(mebibytes):
        size = bench.size(mebibytes * MIB, smoke=mebibytes * 1024)
        return lambda: seconds("delimited", 1024, size) / size * 1e9

    # Quadratic would be 8 times at 8 times the length.
    bench.compare(
        "time a byte as the message grows, DelimitedReader, 1 KiB",
        [Case(first, nanoseconds_a_byte(GROWTH[0]))]
        + [
            Case(f"{mebibytes} MiB", nanoseconds_a_byte(mebibytes), against=first, bound="<= 1.2")
            for mebibytes in GROWTH[1:]
        ],
        unit="ns",
        digits=3,
    )

    # At sizes that end soon: at 256 MiB this loop would take hours.
    def natural(mebibytes):
        size = int(bench.size(mebibytes * MIB, smoke=mebibytes * 16 * 1024))
        return lambda: seconds("natural", 1024, size, messages=1)

    bench.compare(
        "Python, `while token not in data: data += recv(1024)`",
        [
            Case("0.5 MiB", natural(0.5)),
            Case("1 MiB", natural(1), against="0.5 MiB"),
            Case("2 MiB", natural(2), against="0.5 MiB"),
        ],
        unit="s",
    )
