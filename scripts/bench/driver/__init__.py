"""What the benchmarks share. A benchmark is a file `scripts/bench/NAME.py`; the driver finds it by
itself.

Its table has a place in RESULTS.md, between <!-- bench:NAME --> and <!-- /bench:NAME -->.

    import shutil

    from driver import Case, port_of

    TITLE = "Echo"
    LONG = True             # optional: takes minutes, so that it runs only when it is named

    def needs():
        # What is missing on this machine, in words, with what to install. The rows of a peer that
        # is missing are left out and the table says why; the benchmark still runs.
        return [] if shutil.which("socat") else ["socat (apt install socat)"]

    def run(bench):
        server = bench.cargo("codio-echo-server")       # builds a release binary, gives its path
        floor = bench.cc("echo_server.c")               # compiles scripts/bench/c/echo_server.c
        load = bench.cc("load.c")
        count = bench.size(20_000, smoke=100)           # the full size, and that of a --smoke run

        args = ["--port", "0"]

        def round_trip(argv):
            # Both ends on one CPU. `with` stops the peer; so do an error and Ctrl-C.
            # A peer is there when it has written "listening on HOST:PORT" on its stderr.
            with bench.start(argv, cpu=0) as peer:
                result = bench.call([load, "latency", port_of(peer), str(count)], cpu=0)
            return float(result.stdout)

        bench.compare(
            "round trip, p50",
            [
                Case("C, 1 KiB buffer", lambda: round_trip([floor, "1024"])),
                Case("codio-echo-server", lambda: round_trip([server] + args),
                     against="C, 1 KiB buffer", bound="<= 1.05"),       # of the ratio, pair by pair
                Case("Python twin", lambda: round_trip(bench.twin("codio-echo-server") + args),
                     against="C, 1 KiB buffer"),
                Case("socat", lambda: round_trip_of_socat(...), missing="; ".join(needs())),
            ],
            unit="µs",
        )

- `bench.compare` measures every case once, then every case again (A B, B A, A B ...), `--runs`
  times after one round that is thrown away (`warm_up=0` leaves it out; `times=4` makes it four
  times as many rounds), and adds one row a case: the median, the lowest and the highest value, and
  the median of the ratios, each ratio of two values from the same round. A case may also have a
  `limit`, a bound of the value itself: `limit="<= 8"`. Figures that have a bound are rounded
  against us.
- `bench.figure` adds a row from values that were measured on the way, such as peak memory.
- `bench.call` runs a program to its end and gives its output, its time and its peak memory.
- `raise Missing("what to install")` in a measurement turns the case into a row that says so.
- `bench.note("...")` is a line under the table; `bench.version("nmap", "7.93")` goes to the line of
  versions.
- `bench.smoke` is true in a run with tiny sizes that only proves that the scripts work: one run of
  everything, debug builds, no bound judged.
- `bench.cpus` are the CPUs this process may use. `cpu=1` means the second of them, or the only one.
"""

from .bench import Bench, Case, c_needs
from .processes import BenchError, Late, Missing, Peer, Result, port_of

__all__ = ["Bench", "BenchError", "Case", "Late", "Missing", "Peer", "Result", "c_needs", "port_of"]
