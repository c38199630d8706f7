"""The port scanner next to a C floor of the same kind, nmap, RustScan and the Python twin."""

import contextlib
import json
import os
import random
import re
import shutil
import sys

from driver import BenchError, Case, Late, Missing, c_needs

TITLE = "portscan: all 65,535 ports"

FAR = "10.200.0.2"
DELAY = ["--delay-us", "25000"]

# Listens on its arguments, ADDRESS:PORT, says so, and takes and drops every connection.
LISTENERS = """
import socket, sys, threading
def serve(s):
    while True:
        try: s.accept()[0].close()
        except OSError: pass
for word in sys.argv[1:]:
    address, _, port = word.rpartition(":")
    s = socket.create_server((address, int(port)), backlog=4096)
    threading.Thread(target=serve, args=(s,), daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
"""


def rustscan_path():
    return shutil.which("rustscan")


def needs():
    missing = c_needs()
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("nsenter"):
        missing.append("root, unshare and nsenter, for the scans of another machine in network namespaces")
    if not shutil.which("nmap"):
        missing.append("nmap (apt install nmap)")
    if not rustscan_path():
        missing.append("RustScan (cargo install rustscan)")
    if not shutil.which("time"):
        missing.append("GNU time, for the peak memory (apt install time)")
    return missing


class Link:
    """Two namespaces joined by crates/portscan/tests/slowlink, with 20 listeners on the far side.
    """

    def __init__(self, bench, options, filtered=False):
        self.bench = bench
        self.ports = sorted({1, 65535, *random.Random(len(options)).sample(range(2, 65535), 18)})
        self.options = options + (["--only", ",".join(map(str, self.ports))] if filtered else [])

    def __enter__(self):
        if os.geteuid() != 0 or not shutil.which("nsenter"):
            raise Missing("root, unshare and nsenter")
        program = os.path.join(self.bench.folder, "slowlink")
        source = os.path.join(self.bench.root, "crates", "portscan", "tests", "slowlink", "slowlink.c")
        self.bench.call(["cc", "-O2", "-pthread", "-o", program, source])
        with contextlib.ExitStack() as stack:
            # The link lives until its stdin ends.
            read, write = os.pipe()
            stack.callback(os.close, write)
            with open(read, "rb") as stdin:
                argv = ["unshare", "--net", program] + self.options
                link = self.bench.start(argv, ready=r"^(\d+) (\d+)$", ready_on="stdout", stdin=stdin)
            stack.enter_context(link)
            self.near, far = link.match[1], link.match[2]
            stack.enter_context(self.listen(far, [f"{FAR}:{port}" for port in self.ports]))
            self.stack = stack.pop_all()
        return self

    def listen(self, side, places):
        """A program in the namespace of a side that listens on places, each ADDRESS:PORT."""
        argv = ["nsenter", "--target", side, "--net", sys.executable, "-c", LISTENERS, *places]
        return self.bench.start(argv, ready="^ready$", ready_on="stdout")

    def __exit__(self, *_):
        self.stack.close()

    def call(self, argv, **options):
        return self.bench.call(["nsenter", "--target", self.near, "--net"] + argv, **options)


def run(bench):
    scanner = bench.cargo("portscan")
    own_floor = bench.cc("portscan-own.c", "-pthread")
    far_floor = bench.cc("portscan-far.c", "-pthread")
    rustscan = rustscan_path()
    if shutil.which("nmap"):
        said = bench.call(["nmap", "--version"]).stdout
        bench.version("nmap", re.search(r"version (\S+)", said)[1])
    if rustscan:
        bench.version("RustScan", bench.call([rustscan, "--version"]).stdout.split()[-1])
    cpu = {}
    misses = {}

    def seconds(key, call, argv, open_ports=None, **options):
        """The time of one scan; notes its CPU time, and the listeners that it missed."""
        result = call(argv, check=False, **options)
        cpu.setdefault(key, []).append(result.cpu_seconds)
        if open_ports is not None:
            found = {int(port) for port in re.findall(r"\d+", result.stdout)}
            misses.setdefault(key, []).append(len(set(open_ports) - found))
        return result.seconds

    def ours(call, where, key, open_ports, prefix=()):
        def measure():
            argv = [*prefix, scanner, where, "--format", "json"]
            result = call(argv)
            cpu.setdefault(key, []).append(result.cpu_seconds)
            found = [port["port"] for port in json.loads(result.stdout)["hosts"][0]["ports"]]
            if found != open_ports:
                raise BenchError(f"portscan found {found}, and open are {open_ports}")
            return result.seconds

        return measure

    # A run that only proves that this file works does without the peers: they have no small size.
    # Those that take minutes are measured once each, and only when asked for.
    with_peers = {"50 ms, closed", "50 ms, filtered, 2 tries"}
    everywhere = os.environ.get("PORTSCAN_PEERS") == "all" and not bench.smoke
    once = "one run each"
    patience = 240  # seconds
    nmap_missing = None if shutil.which("nmap") else "nmap (apt install nmap)"
    rust_missing = None if rustscan else "RustScan (cargo install rustscan)"

    def peer_cases(call, where, key, nmap, rust, floor, open_ports):
        """nmap and RustScan with the options given, by their names, in the cases in which that
        takes seconds.
        """
        cases = []
        if where == FAR and key not in with_peers or bench.smoke:
            return cases
        for name, options in nmap:
            argv = ["nmap", "-n", "-Pn", "-p-", "-oG", "-", *options, where]
            measure = lambda name=name, argv=argv: seconds((key, name), call, argv, open_ports)
            cases.append(Case(name, measure, against=floor, missing=nmap_missing))
        for name, options in rust:
            argv = [rustscan, "-a", where, "-r", "1-65535", "-n", "-g", "--no-banner", *options]
            measure = lambda name=name, argv=argv: seconds((key, name), call, argv, open_ports)
            cases.append(Case(name, measure, against=floor, missing=rust_missing))
        return cases

    def peers_once(figure, call, open_ports, nmap, rust, prefix=()):
        """Each peer one time, since some take minutes."""
        if not everywhere:
            return
        programs = [(name, ["nmap", "-n", "-Pn", "-p-", "-oG", "-", *options, FAR], nmap_missing) for name, options in nmap]
        for name, options in rust:
            argv = [rustscan, "-a", FAR, "-r", "1-65535", "-n", "-g", "--no-banner", *options]
            programs.append((name, argv, rust_missing))
        for name, argv, missing in programs:
            if missing:
                bench.left_out(f"{figure}, {once}", name, missing)
                continue
            try:
                value = seconds((figure, name), call, [*prefix, *argv], open_ports, timeout=patience)
            except Late:
                bench.left_out(f"{figure}, {once}", name, f"did not end within {patience} s")
                continue
            bench.figure(f"{figure}, {once}", name, [value], "s")

    peaks = []

    def peak(call, where, prefix=()):
        """The peak memory of one more scan, in MiB: a program that this driver starts inherits the
        driver's peak, so GNU time starts it.
        """
        if shutil.which("time"):
            said = call(["time", "--format", "%M", *prefix, scanner, *where]).stderr
            peaks.append(int(said.split()[-1]) / 1024)

    # This machine itself, in its own namespace, where only
    # our listeners listen: so what is found can be checked.
    floor = "C floor"
    twin = [sys.executable, os.path.join(bench.root, "crates", "portscan", "twin.py")]
    here = "127.0.0.1"
    with Link(bench, []) as link, link.listen(link.near, [f"{here}:{port}" for port in link.ports]):
        known = link.ports
        bench.compare(
            here,
            [
                Case(floor, lambda: seconds(("own", floor), link.call, [own_floor])),
                Case("portscan", ours(link.call, here, ("own", "portscan"), known), against=floor, bound="<= 1.25"),
                *peer_cases(
                    link.call,
                    here,
                    "own",
                    [("nmap -sS -T5 --min-rate 20000", ["-sS", "-T5", "--min-rate", "20000"]), ("nmap -sT", ["-sT"])],
                    [("RustScan -b 10000", ["-b", "10000", "--ulimit", "20000"]), ("RustScan", [])],
                    floor,
                    known,
                ),
                *([] if bench.smoke else [Case("Python twin", lambda: seconds(("own", "twin"), link.call, twin, known), against=floor)]),
            ],
            unit="s",
        )
        peak(link.call, [here])

    # Another machine
    tuned_nmap = ("nmap -sS -T5 --min-rate 20000", ["-sS", "-T5", "--min-rate", "20000", "--max-retries", "2"])
    tuned_rust = ("RustScan -b 16000 -t 300", ["-b", "16000", "-t", "300", "--ulimit", "20000"])
    default_nmap = [("nmap", []), ("nmap -T4", ["-T4"])]
    default_rust = [("RustScan", [])]
    loss = ["--loss-ppm", "10000"]
    slow = ["--rate-bps", "10000000", "--queue", "1700"]
    cases = [
        ("50 ms, closed", DELAY, False, ["8192", "300", "2"], 1.25),
        ("50 ms, filtered, 2 tries", DELAY, True, ["16384", "100", "2"], 1.3),
        ("50 ms, 1 % loss each way, closed", DELAY + loss, False, ["8192", "200", "3"], 1.27),
        ("50 ms, 1 % loss each way, filtered", DELAY + loss, True, ["16384", "100", "3"], 1.25),
        ("10 Mbit/s, a queue of 1,700 packets", DELAY + slow, False, ["1500", "300", "3"], 1.25),
    ]
    cases = cases[: bench.size(len(cases), smoke=1)]
    for figure, options, filtered, known, bound in cases:
        with Link(bench, options, filtered) as link:
            bench.compare(
                figure,
                [
                    Case(floor, lambda: seconds((figure, floor), link.call, [far_floor, FAR, *known])),
                    Case(
                        "portscan",
                        ours(link.call, FAR, (figure, "portscan"), link.ports),
                        against=floor,
                        bound=f"<= {bound}",
                    ),
                    *peer_cases(link.call, FAR, figure, [tuned_nmap], [tuned_rust], floor, link.ports),
                ],
                unit="s",
                warm_up=0,  # everything has run on loopback already, and the slow links take minutes
            )
            peak(link.call, [FAR])
            if figure not in with_peers:
                peers_once(figure, link.call, link.ports, [tuned_nmap], [tuned_rust])
            # Without options nmap takes more than 400 s for silent ports: once is enough to say so.
            again = filtered and figure not in with_peers
            peers_once(figure, link.call, link.ports, [] if again else default_nmap[: 1 if filtered else 2], default_rust)
    with Link(bench, DELAY, filtered=True) as link:
        shell = ["sh", "-c", 'ulimit -n 1024 && exec "$0" "$@"']
        measure = ours(link.call, FAR, ("1024", "portscan"), link.ports, shell)
        bench.compare("50 ms, filtered, ulimit -n 1024", [Case("portscan", measure, limit="<= 3")], unit="s")

        peak(link.call, [FAR], shell)
        peers_once("50 ms, filtered, ulimit -n 1024", link.call, link.ports, [tuned_nmap], [("RustScan -t 300", ["-t", "300"])], shell)

    # Many addresses, where nobody else listens: each has 1,000 ports, some have an open one.
    with Link(bench, []) as link:
        open_places = [f"127.0.1.{host}:{20_000 + 3 * host}" for host in range(0, 256, 5)]
        call = [scanner, "127.0.1.0/24", "--ports", "20000-20999"]

        def network():
            result = link.call([*call, "--format", "json"])
            hosts = json.loads(result.stdout)["hosts"]
            found = {f"{host['address']}:{port['port']}" for host in hosts for port in host["ports"] if port["state"] == "open"}
            if found != set(open_places):
                raise BenchError(f"portscan found {sorted(found)}, and open are {open_places}")
            return result.seconds

        with link.listen(link.near, open_places):
            bench.compare("127.0.1.0/24, 1,000 ports each", [Case("portscan", network)], unit="s", warm_up=0)
            peak(link.call, call[1:])

    if peaks:
        bench.figure("peak memory, the most of all cases", "portscan", [max(peaks)], "MiB", limit="<= 32")
    for figure in ["own"] + [case[0] for case in cases]:
        mine, theirs = cpu[figure, "portscan"], cpu[figure, floor]
        name = "127.0.0.1" if figure == "own" else figure
        ratio = sorted(a / b for a, b in zip(mine, theirs))[len(mine) // 2]
        bench.figure(f"CPU time, {name}", f"portscan ÷ {floor}", [ratio], "×", limit="<= 1.3")
    missed = {key: counts for key, counts in misses.items() if any(counts)}
    for (figure, name), counts in missed.items():
        least, most = min(counts), max(counts)
        missed_ports = str(most) if least == most else f"{least} to {most}"
        bench.note(f"{name} missed {missed_ports} of 20 open ports in the case \"{figure}\".")
    bench.note("portscan found exactly the open ports in every run of every case; a run that did not would end this.")
