"""Tables: in the terminal, in RESULTS.md between markers, as JSON."""

import datetime
import os
import platform
import re
import subprocess

from . import stats

HEAD = ["figure", "program", "median", "lowest – highest", "ratio", "bound", "held"]


class Row:
    """One program's values of one figure."""

    def __init__(self, figure, name, unit, digits, values=(), missing=None):
        self.figure = figure
        self.name = name
        self.unit = unit
        self.digits = digits
        self.values = list(values)
        self.missing = missing
        self.against = None
        self.ratios = []
        #: A bound of the ratio, and one of the value itself.
        self.bound = None
        self.limit = None
        self.judged = True

    @property
    def median(self):
        return stats.median(self.values)

    @property
    def ratio(self):
        return stats.median(self.ratios)

    def held(self):
        """Whether its bounds held; None when it has none, or when they are not judged."""
        if self.missing or not self.judged or not (self.bound or self.limit):
            return None
        return (not self.bound or self.bound.holds(self.ratio)) and (
            not self.limit or self.limit.holds(self.median)
        )

    def cells(self):
        bounds = [f"{self.bound} ×"] if self.bound else []
        bounds += [f"{self.limit} {self.unit}".strip()] if self.limit else []
        if self.missing:
            return [self.figure, self.name, f"left out: {self.missing}", "", "", ", ".join(bounds), ""]
        median = stats.rounded(self.median, self.digits, self.limit)
        low, high = (stats.rounded(edge(self.values), self.digits) for edge in (min, max))
        ratio = f"{stats.rounded(self.ratio, 3, self.bound)} × {self.against}" if self.ratios else ""
        held = {None: "not judged" if bounds else "", True: "yes", False: "NO"}[self.held()]
        return [
            self.figure,
            self.name,
            f"{median} {self.unit}".strip(),
            f"{low} – {high}" if len(self.values) > 1 else "",
            ratio,
            ", ".join(bounds),
            held,
        ]

    def as_json(self):
        row = {"figure": self.figure, "program": self.name, "unit": self.unit}
        if self.missing:
            return dict(row, missing=self.missing)
        row.update(values=self.values, median=self.median)
        if self.ratios:
            row.update(against=self.against, ratios=self.ratios, ratio=self.ratio)
        if self.bound:
            row["bound_of_ratio"] = self.bound.text
        if self.limit:
            row["bound_of_median"] = self.limit.text
        row["held"] = self.held()
        return row


def table(rows):
    """A Markdown table whose columns line up, so that it can also be read as it is."""
    cells = [row.cells() for row in rows]
    # A figure is named where it begins.
    for above, below in zip(cells[-2::-1], cells[:0:-1]):
        if above[0] == below[0]:
            below[0] = ""
    used = [any(line[column] for line in cells) or column < 3 for column in range(len(HEAD))]
    lines = [[cell for cell, use in zip(line, used) if use] for line in [HEAD] + cells]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines
    )


class MarkerError(Exception):
    """A file without a place for the table."""


def put_between_markers(text, name, content):
    """The text with `content` between its two markers, whatever stood there before."""
    opening, closing = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    if text.count(opening) != 1 or text.count(closing) != 1:
        raise MarkerError(f"it has to hold {opening} and {closing} once each")
    before, _, rest = text.partition(opening)
    if closing not in rest:
        raise MarkerError(f"{closing} comes before {opening}")
    after = rest.partition(closing)[2]
    return f"{before}{opening}\n\n{content.strip()}\n\n{closing}{after}"


def machine():
    """The CPU's model, how many of them this process may use, and the system."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as cpuinfo:
            found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read(), re.MULTILINE)
            model = found[1] if found else model
    except OSError:
        pass  # Not Linux: the platform module's word has to do.
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {count} CPU{'s' if count != 1 else ''}, {platform.system()} {platform.release()}"


def versions(extra):
    """The versions of what was measured and of what built it."""
    found = {}
    for name, argv in (("rustc", ["rustc", "--version"]), ("cc", ["cc", "--version"])):
        try:
            said = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
            found[name] = said.decode(errors="replace").splitlines()[0]
        except (OSError, subprocess.CalledProcessError, IndexError):
            found[name] = f"{name}: none"
    found["python"] = f"Python {platform.python_version()}"
    found.update({name: f"{name} {version}" for name, version in extra.items()})
    return found


def origin(command, extra_versions, runs):
    """Under which conditions a table was made, as a line of Markdown."""
    today = datetime.date.today().isoformat()
    made_with = ", ".join(versions(extra_versions).values())
    least = f"at least {runs} interleaved runs" if runs > 1 else "one run"
    return f"Medians of {least}, made by `{command}` on {today}: {machine()}; {made_with}."
