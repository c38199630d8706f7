"""What a benchmark is given: building, starting, measuring, and its table."""

import json
import os
import shutil
import sys

from . import report, stats
from .processes import BenchError, Missing


def c_needs():
    """What `Bench.cc` misses on this machine, for a benchmark's `needs()`."""
    if sys.platform != "linux":
        return ["Linux, whose system calls the C programs use"]
    return [] if shutil.which("cc") else ["a C compiler (apt install gcc)"]


class Case:
    """A program and how it is measured: `measure()` gives one value.

    `against` names the case its ratio is made with, `bound` bounds that ratio, `limit` bounds the
    value. A case that is `missing` says why, and is not measured.
    """

    def __init__(self, name, measure, against=None, bound=None, limit=None, missing=None):
        if bound and not against:
            raise ValueError(f"{name}: a bound needs a case to be compared against; of the value itself it is a limit")
        self.name = name
        self.measure = measure
        self.against = against
        self.bound = stats.Bound(bound) if bound else None
        self.limit = stats.Bound(limit) if limit else None
        self.missing = missing


class Bench:
    """One benchmark's run."""

    def __init__(self, root, name, keeper, runs=5, smoke=False, log=sys.stderr):
        self.root = root
        self.name = name
        self.runs = 1 if smoke else runs
        self.smoke = smoke
        self.rows = []
        self.notes = []
        self.versions = {}
        self._keeper = keeper
        self._log = log
        if hasattr(os, "sched_getaffinity"):
            self.cpus = sorted(os.sched_getaffinity(0))
        else:
            self.cpus = list(range(os.cpu_count() or 1))
            self.note("This system cannot pin a program to a CPU; latencies are the scheduler's as well.")

    # Building

    @property
    def folder(self):
        """Where this run may put files: `target/bench`, which git ignores."""
        folder = os.path.join(self.root, "target", "bench")
        os.makedirs(folder, exist_ok=True)
        return folder

    def cc(self, source, *flags):
        """Compiles `scripts/bench/c/SOURCE` with `cc -O2` and gives the program's path."""
        path = os.path.join(self.root, "scripts", "bench", "c", source)
        program = os.path.join(self.folder, os.path.splitext(source)[0])
        for missing in c_needs():
            raise Missing(missing)
        # Under its own name first: another run may be executing the program that is replaced.
        fresh = f"{program}.{os.getpid()}"
        self.call(["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-o", fresh, path, *flags])
        os.replace(fresh, program)
        return program

    def package(self, name):
        """The folder of a package. A hand-out holds a few of them: then what is measured with the
        others is left out.
        """
        folder = os.path.join(self.root, "crates", name)
        if not os.path.isfile(os.path.join(folder, "Cargo.toml")):
            raise Missing(f"the package {name}, which is not in this workspace")
        return folder

    def cargo(self, package, example=None, release=True):
        """Builds a package's binary (or one of its examples) and gives its path. A smoke run takes
        debug builds.
        """
        self.package(package)
        argv = ["cargo", "build", "--quiet", "--locked", "--package", package, "--message-format=json"]
        argv += ["--example", example] if example else ["--bins"]
        argv += ["--release"] if release and not self.smoke else []
        self.progress(f"cargo build {package}")
        built = self.call(argv, cwd=self.root, timeout=900)
        wanted = example or package
        for line in built.stdout.splitlines():
            message = json.loads(line)
            if message.get("executable") and message["target"]["name"] == wanted:
                return message["executable"]
        raise BenchError(f"cargo built no program {wanted}")

    def twin(self, package):
        """The command line of a package's Python twin; `-u`, since each line of a lab is out at
        once.
        """
        return [sys.executable, "-u", os.path.join(self.package(package), "twin.py")]

    # Running

    def start(self, argv, cpu=None, **options):
        """Starts a peer on one CPU and waits until it is ready: see `Keeper.start` for the options.
        """
        return self._keeper.start(argv, cpu=self._cpu(cpu), **options)

    def call(self, argv, cpu=None, **options):
        """Runs a program to its end, on one CPU if told so: see `Keeper.call` for the options."""
        return self._keeper.call(argv, cpu=self._cpu(cpu), **options)

    def _cpu(self, index):
        return None if index is None else self.cpus[index % len(self.cpus)]

    def size(self, full, smoke):
        """How much to do: `full`, or `smoke` when the run only has to prove that it works."""
        return smoke if self.smoke else full

    # Measuring

    def compare(self, figure, cases, unit, digits=2, warm_up=1, times=1):
        """Measures the cases in turn and adds a row for each.

        `times` multiplies the number of rounds: many short rounds pair better than a few long ones,
        since less changes on the machine between the two measurements of a pair.
        """
        rows = {}
        for case in cases:
            if case.name in rows:
                raise ValueError(f"{figure}: two cases are named {case.name}")
            rows[case.name] = self._row(figure, case.name, unit, digits, case.bound, case.limit, case.missing)
        for case in cases:
            if case.against is not None and case.against not in rows:
                raise ValueError(f"{figure}: {case.name} is compared against {case.against}, which is no case")
        runs = self.runs if self.smoke else self.runs * times
        warm_up = 0 if self.smoke else warm_up
        for round_ in range(1 - warm_up, runs + 1):
            kept = round_ > 0
            self.progress(f"{figure}: {f'run {round_} of {runs}' if kept else 'warm-up'}")
            # A B, B A, A B: nobody always comes first.
            for case in cases if round_ % 2 else cases[::-1]:
                row = rows[case.name]
                if row.missing:
                    continue
                try:
                    value = float(case.measure())
                except Missing as missing:
                    row.missing = str(missing)
                    continue
                if kept:
                    row.values.append(value)
        for case in cases:
            row = rows[case.name]
            other = rows.get(case.against)
            if other is None or row.missing:
                continue
            if other.missing:
                # Without a peer there is no ratio. The bound stays in the table, not judged.
                row.judged = row.judged and not row.bound
                continue
            row.against = case.against
            row.ratios = stats.ratios(row.values, other.values)
        added = list(rows.values())
        self._add(added)
        return added

    def figure(self, figure, name, values, unit, digits=2, limit=None):
        """Adds a row from values that were measured on the way."""
        row = self._row(figure, name, unit, digits, None, stats.Bound(limit) if limit else None, None)
        row.values = [float(value) for value in values]
        self._add([row])
        return row

    def left_out(self, figure, name, why):
        """Adds a row for what this machine cannot measure."""
        self._add([self._row(figure, name, "", 0, None, None, why)])

    def note(self, text):
        """A line under the table."""
        self.notes.append(text)

    def version(self, name, version):
        """A program that took part, for the line of versions."""
        self.versions[name] = version

    def progress(self, text):
        """Says on stderr what is being done."""
        print(f"bench: {self.name}: {text}", file=self._log, flush=True)

    def _row(self, figure, name, unit, digits, bound, limit, missing):
        row = report.Row(figure, name, unit, digits, missing=missing)
        row.bound = bound
        row.limit = limit
        row.judged = not self.smoke
        return row

    def _add(self, rows):
        self.rows += rows
        for row in rows:
            figure, name, *rest = row.cells()
            self.progress(f"{figure}: {name}: {'  '.join(cell for cell in rest if cell)}")
