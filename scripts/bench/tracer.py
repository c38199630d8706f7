"""What a tracer costs: an echo under `cargo lab trace`, next to `strace -f` of the same calls."""

import os
import re
import shlex
import shutil
import sys

from driver import Case, c_needs

TITLE = "cargo lab trace: an echo under the tracer"

#: In bytes.
MESSAGE = "64"

STRACE = "strace -f"


def needs():
    if sys.platform != "linux":
        return ["Linux, which lets calls be seen"]
    return c_needs() + ([] if shutil.which("strace") else ["strace (apt install strace)"])


def traced_calls(folder):
    """The names of the calls at which the tracer stops, from its source."""
    with open(os.path.join(folder, "src", "calls.rs"), encoding="utf-8") as file:
        return re.findall(r'spec\(\s*libc::SYS_\w+,\s*"(\w+)"', file.read())


def run(bench):
    echo = bench.cc("echo_alone.c")
    # The profile that `cargo lab` builds.
    tracer = bench.cargo("lab-trace", release=False)
    calls = traced_calls(bench.package("lab-trace"))
    count = bench.size("10000", smoke="100")
    program = [echo, count, MESSAGE]
    output = os.path.join(bench.folder, "strace.out")
    missing = None
    if shutil.which("strace"):
        first = bench.call(["strace", "--version"]).stdout.splitlines()[0]
        bench.version("strace", first.split()[-1])
    else:
        missing = "; ".join(needs())
    # Known calls only: strace refuses a name that this processor does not have.
    strace = ["strace", "-f", "-o", output, "-e", "trace=" + ",".join("?" + name for name in calls)]
    trace = [tracer, "trace", "--program", shlex.join(program)]

    def seconds(argv):
        return lambda: bench.call(argv).seconds

    bench.compare(
        f"{count} messages of {MESSAGE} bytes, there and back, until all is written",
        [
            Case(STRACE, seconds(strace + program), missing=missing),
            Case("strace -f --seccomp-bpf", seconds(strace[:2] + ["--seccomp-bpf"] + strace[2:] + program), missing=missing),
            Case("cargo lab trace", seconds(trace), against=STRACE, bound="<= 1"),
            Case("without a tracer", seconds(program), against=STRACE),
        ],
        unit="s",
    )
    bench.note(
        f"Both tracers stop at the same {len(calls)} calls; `cargo lab trace` also captures the segments, ties each "
        "received byte to its send, and draws the picture."
    )
