"""How long a student waits: first builds from nothing, next to the same echo server on tokio and
clap.
"""

import contextlib
import os
import shutil
import tempfile

from driver import BenchError, Case, Missing

TITLE = "Building from nothing"

PEER = os.path.join("scripts", "bench", "tokio-echo")
#: tokio as its tutorial has it, `features = ["full"]`, and clap with derive.
FULL = "the same echo on tokio (full) and clap"
#: tokio with no feature more than this program uses.
LEAN = "the same echo on tokio (least) and clap"
CODIO = "codio-echo-server"
SUM = "dsd-sum-server"
FIRST_RUN = "the first `cargo lab run dsd-sum`"


def needs():
    return [] if shutil.which("git") else ["git (apt install git), for the fresh clone"]


def run(bench):
    # What is measured is the compiler, not the network:
    # everything is downloaded before, then cargo stays offline.
    offline = dict(os.environ, CARGO_NET_OFFLINE="true")
    offline.pop("CARGO_TARGET_DIR", None)
    peer = os.path.join(bench.root, PEER)
    fetched = {}
    #: By case: the processor time of each build that was timed.
    spent = {FULL: [], LEAN: [], CODIO: [], SUM: [], FIRST_RUN: []}

    def fetch(folder):
        """Downloads what a workspace needs; gives what is missing, if that fails."""
        if folder not in fetched:
            result = bench.call(["cargo", "fetch", "--locked", "--quiet"], cwd=folder, check=False)
            lines = result.stderr.strip().splitlines() or ["no reason given"]
            fetched[folder] = None if result.code == 0 else f"cargo fetch failed: {lines[0]}"
        return fetched[folder]

    @contextlib.contextmanager
    def empty_folder():
        # On the disk where every build goes. Removing it again is not part of the time.
        folder = tempfile.mkdtemp(prefix="build-", dir=bench.folder)
        try:
            yield folder
        finally:
            shutil.rmtree(folder)

    def timed(case, *call, **options):
        result = bench.call(*call, **options)
        spent[case].append(result.cpu_seconds)
        return result

    def build(case, folder, *words, package=None):
        def measure():
            if package:
                bench.package(package)
            missing = fetch(folder)
            if missing:
                raise Missing(missing)
            if bench.smoke:
                # Whether the manifest and the lock file agree.
                # To build from nothing takes no tiny size.
                argv = ["cargo", "metadata", "--locked", "--format-version=1"]
                return timed(case, argv, cwd=folder, env=offline).seconds
            with empty_folder() as target:
                env = dict(offline, CARGO_TARGET_DIR=target)
                argv = ["cargo", "build", "--locked", "--quiet", *words]
                argv += ["--package", package] if package else []
                return timed(case, argv, cwd=folder, env=env).seconds

        return measure

    def first_run():
        """`cargo lab run dsd-sum` in a fresh clone; what is not committed is not in it."""
        missing = needs() or [fetch(bench.root)]
        if missing[0]:
            raise Missing(missing[0])
        with empty_folder() as folder:
            clone = bench.root
            if not bench.smoke:
                clone = os.path.join(folder, "clone")
                cloned = bench.call(["git", "clone", "--quiet", "--no-hardlinks", bench.root, clone], check=False)
                if cloned.code != 0:
                    raise Missing("a git repository to clone: this one is none")
            # A free port: someone on this machine may be using the sheet's.
            ran = timed(FIRST_RUN, ["cargo", "lab", "run", "dsd-sum", "--port=0"], cwd=clone, env=offline)
            if "Server says: 15" not in ran.stdout:
                raise BenchError(f"cargo lab run dsd-sum showed no sum: {ran.stdout} {ran.stderr}")
            return ran.seconds

    rows = bench.compare(
        "cargo build, debug, from an empty target",
        [
            Case(FULL, build(FULL, peer, "--features", "full")),
            Case(LEAN, build(LEAN, peer), against=FULL),
            Case(CODIO, build(CODIO, bench.root, package="codio-echo-server"), against=FULL, bound="<= 0.4"),
            Case(SUM, build(SUM, bench.root, package="dsd-sum-server"), against=FULL, bound="<= 0.5"),
            Case(FIRST_RUN, first_run, against=FULL, bound="<= 0.75"),
        ],
        unit="s",
    )
    # On a busy machine the time is also that of the others. The work is not: the same builds, by
    # what they had the processors do.
    built = {row.name: row.values for row in rows if not row.missing}
    if FULL in built:
        bench.compare(
            "processor time of these builds",
            [
                Case(name, iter(spent[name][-len(values) :]).__next__, against=None if name == FULL else FULL)
                for name, values in built.items()
            ],
            unit="s",
            warm_up=0,
        )
