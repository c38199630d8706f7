"""UDP echo: the round trip of a datagram, next to C with the same buffer and system calls."""

from driver import Case, c_needs, port_of

TITLE = "UDP echo"

#: As long as a datagram can be, so that none is cut.
BUFFER = "65535"
#: In bytes.
DATAGRAM = "64"

FLOOR = "C, the same transcript"


def needs():
    return c_needs()


def run(bench):
    load = bench.cc("load.c")
    c_server = bench.cc("udp_echo_server.c")
    arguments = ["--host", "127.0.0.1", "--port", "0"]
    rust = [bench.cargo("cmpu-udp-echo-server")] + arguments
    twin = bench.twin("cmpu-udp-echo-server") + arguments
    count = bench.size("8000", smoke="100")

    def round_trip(server):
        def measure():
            with bench.start(server, cpu=0) as peer:
                return float(bench.call([load, "udp-latency", port_of(peer), count, DATAGRAM], cpu=0).stdout)

        return measure

    bench.compare(
        f"round trip of {DATAGRAM} bytes, p50, both ends on one CPU",
        [
            Case(FLOOR, round_trip([c_server, BUFFER, "transcript"])),
            Case("cmpu-udp-echo-server", round_trip(rust), against=FLOOR, bound="<= 1.05"),
            Case("its Python twin", round_trip(twin), against=FLOOR),
            Case("C, silent", round_trip([c_server, BUFFER, "silent"]), against=FLOOR),
        ],
        unit="µs",
        times=4,
    )
