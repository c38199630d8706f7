"""TCP echo: latency, throughput and connections a second, next to C with the same buffer and system
calls.
"""

from driver import Case, c_needs, port_of

TITLE = "TCP echo"

#: The sheets' recv(1024).
BUFFER = "1024"
LARGE_BUFFER = str(64 * 1024)
#: A latency is that of a short message, in bytes.
MESSAGE = "64"

#: Short rounds, and this many times as many.
ROUNDS = 4

FLOOR = "C, 1 KiB buffer"
LARGE_FLOOR = "C, 64 KiB buffer"


def needs():
    return c_needs()


def run(bench):
    load = bench.cc("load.c")
    c_server = bench.cc("echo_server.c")
    codio = [bench.cargo("codio-echo-server"), "--port", "0"]
    task03 = [bench.cargo("co223-task03-server"), "--host", "127.0.0.1", "--port", "0"]
    codio_twin = bench.twin("codio-echo-server") + ["--port", "0"]
    task03_twin = bench.twin("co223-task03-server") + ["--host", "127.0.0.1", "--port", "0"]

    def floor(buffer, backlog):
        return [c_server, buffer, backlog]

    def measured(server, mode, *sizes, server_cpu, load_cpu):
        """A way to measure one server: started again each time, loaded by the same client."""

        def measure():
            with bench.start(server, cpu=server_cpu) as peer:
                return float(bench.call([load, mode, port_of(peer), *sizes], cpu=load_cpu).stdout)

        return measure

    def round_trip(server):
        # One CPU for both: on two, the time is the scheduler's way of waking the other one.
        count = bench.size("8000", smoke="100")
        return measured(server, "latency", count, MESSAGE, server_cpu=0, load_cpu=0)

    def throughput(server):
        mebibytes = bench.size("64", smoke="4")
        return measured(server, "throughput", mebibytes, server_cpu=0, load_cpu=1)

    def connections(server):
        count = bench.size("4000", smoke="50")
        return measured(server, "connections", count, server_cpu=0, load_cpu=0)

    bench.compare(
        f"round trip of {MESSAGE} bytes, p50, both ends on one CPU",
        [
            Case(FLOOR, round_trip(floor(BUFFER, "128"))),
            Case("codio-echo-server (1 KiB)", round_trip(codio), against=FLOOR, bound="<= 1.05"),
            Case("its Python twin", round_trip(codio_twin), against=FLOOR),
            Case(LARGE_FLOOR, round_trip(floor(LARGE_BUFFER, "128")), against=FLOOR),
        ],
        unit="µs",
        times=ROUNDS,
    )
    bench.compare(
        "throughput, full duplex, bytes that came back",
        [
            Case(FLOOR, throughput(floor(BUFFER, "128"))),
            Case("codio-echo-server (1 KiB)", throughput(codio), against=FLOOR, bound=">= 0.95"),
            Case("its Python twin", throughput(codio_twin), against=FLOOR),
            # The same program twice: how far its ratio is
            # from 1 is what this machine's noise is worth.
            Case("C, 1 KiB buffer, again", throughput(floor(BUFFER, "128")), against=FLOOR),
            Case(LARGE_FLOOR, throughput(floor(LARGE_BUFFER, "128")), against=FLOOR),
        ],
        unit="GB/s",
        digits=3,
        # Two CPUs, and whatever else they have to do: this one swings most.
        times=2 * ROUNDS,
    )
    # codio-echo-server ends with its first client; this one continues. Its sheet says listen(5).
    bench.compare(
        "connections a second, a message there and back on each",
        [
            Case(FLOOR, connections(floor(BUFFER, "5"))),
            Case("co223-task03-server (1 KiB)", connections(task03), against=FLOOR, bound=">= 0.95"),
            Case("its Python twin", connections(task03_twin), against=FLOOR),
        ],
        unit="/s",
        digits=0,
        times=ROUNDS,
    )
