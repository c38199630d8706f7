"""Measures the programs of this workspace next to their peers, in one run: python3 scripts/bench
[NAME ...]

Builds or starts every peer itself (C floors from scripts/bench/c, the Python twins, other
packages), prints one table a benchmark on stdout, and says on stderr what it is doing. What a
machine lacks is said and left out.

Exit code: 0 done, 1 a bound was missed or a benchmark failed, 2 wrong usage, 130 interrupted.
"""

import argparse
import importlib
import json
import os
import shlex
import sys

from driver import Bench, BenchError, Missing, report
from driver.processes import Keeper

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
RESULTS = os.path.join(HERE, "RESULTS.md")
LEAST_RUNS = 5


def names():
    """Every Python file here is a benchmark; what they share lies in folders."""
    return sorted(
        name[: -len(".py")] for name in os.listdir(HERE) if name.endswith(".py") and not name.startswith("_")
    )


def runs(text):
    count = int(text)
    if count < LEAST_RUNS:
        raise argparse.ArgumentTypeError(f"a median of fewer than {LEAST_RUNS} runs says little")
    return count


def arguments(words):
    parser = argparse.ArgumentParser(
        prog="python3 scripts/bench",
        description=__doc__.split("\n\n", 1)[1],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run (default: all but the long ones)")
    parser.add_argument("--runs", type=runs, default=LEAST_RUNS, help=f"runs of each (default and least {LEAST_RUNS})")
    parser.add_argument("--list", action="store_true", help="list the benchmarks and what they miss here")
    parser.add_argument("--write", action="store_true", help="write the tables into scripts/bench/RESULTS.md")
    parser.add_argument("--json", metavar="FILE", help="write all values into FILE")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, one run, no bounds: do the scripts work?")
    args = parser.parse_args(words)
    unknown = [name for name in args.names if name not in names()]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(names())}")
    if args.write and args.smoke:
        parser.error("--smoke measures nothing that is worth keeping")
    return parser, args


def with_table(name, content):
    """The text of RESULTS.md with this table in it."""
    try:
        with open(RESULTS, encoding="utf-8") as file:
            return report.put_between_markers(file.read(), name, content)
    except (OSError, report.MarkerError) as error:
        raise report.MarkerError(f"cannot write a table into {os.path.relpath(RESULTS, ROOT)}: {error}") from error


def write_table(name, content):
    text = with_table(name, content)
    with open(RESULTS, "w", encoding="utf-8") as file:
        file.write(text)


def run_one(module, name, args, keeper):
    """Runs one benchmark; gives its run and whether it came to its end."""
    bench = Bench(ROOT, name, keeper, runs=args.runs, smoke=args.smoke)
    for missing in module.needs():
        bench.note(f"Left out here: {missing}.")
    try:
        module.run(bench)
    except Missing as missing:
        # Not one peer but the benchmark itself cannot do without it.
        bench.note(f"Left out here: {missing}.")
    except BenchError as error:
        bench.note(f"Ended early: {error}")
        return bench, False
    finally:
        keeper.stop_all()
    return bench, True


def main(words):
    parser, args = arguments(words)
    modules = {name: importlib.import_module(name) for name in args.names or names()}
    if not (args.names or args.list or args.smoke):
        modules = {name: module for name, module in modules.items() if not getattr(module, "LONG", False)}
    if args.list:
        for name, module in modules.items():
            named = " (only when it is named)" if getattr(module, "LONG", False) else ""
            print(f"{name:12} {module.TITLE}{named}")
            for missing in module.needs():
                print(f"{'':12} missing here: {missing}")
        return 0
    if args.write:
        # Before anything is measured: each table has a place.
        for name in modules:
            try:
                with_table(name, "")
            except report.MarkerError as error:
                parser.error(str(error))
    command = shlex.join(["python3", "scripts/bench"] + words)
    keeper = Keeper()
    keeper.install()
    good = True
    results = {}
    try:
        for name, module in modules.items():
            bench, whole = run_one(module, name, args, keeper)
            held = all(row.held() is not False for row in bench.rows)
            good = good and whole and held
            lines = [report.table(bench.rows)] if bench.rows else []
            lines += bench.notes
            lines.append(report.origin(command, bench.versions, bench.runs))
            content = "\n\n".join(lines)
            print(f"## {module.TITLE}\n\n{content}\n", flush=True)
            if args.write and whole:
                write_table(name, content)
            results[name] = {
                "title": module.TITLE,
                "complete": whole,
                "rows": [row.as_json() for row in bench.rows],
                "notes": bench.notes,
                "versions": report.versions(bench.versions),
            }
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    finally:
        keeper.stop_all()
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({"command": command, "machine": report.machine(), "benchmarks": results}, file, indent=2)
            file.write("\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
