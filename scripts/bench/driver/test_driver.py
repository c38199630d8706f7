"""Tests of the driver: python3 -m unittest discover -s scripts/bench/driver -t scripts/bench"""

import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest
from unittest import mock

from driver import BenchError, Bench, Case, Late, Missing, port_of, report, stats
from driver.processes import Keeper

SERVER = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
print("listening on 127.0.0.1:%d" % listener.getsockname()[1], file=sys.stderr, flush=True)
listener.accept()
time.sleep(600)
"""


def state(pid):
    """A process's state by its letter in /proc, `Z` for a zombie; None when there is no such
    process, or no /proc.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except OSError:
        return None


class Stats(unittest.TestCase):
    def test_the_median_of_an_even_number_of_values_lies_between_the_middle_two(self):
        self.assertEqual(stats.median([9, 1, 5]), 5)
        self.assertEqual(stats.median([1, 9, 5, 7]), 6)
        self.assertRaises(ValueError, stats.median, [])

    def test_ratios_are_made_pair_by_pair(self):
        # The machine was slow in the second round, for both: the ratio is 2 in every round.
        self.assertEqual(stats.ratios([2.0, 20.0, 2.0], [1.0, 10.0, 1.0]), [2.0, 2.0, 2.0])
        self.assertRaises(ValueError, stats.ratios, [1.0], [])

    def test_a_bound_holds_at_its_number(self):
        self.assertTrue(stats.Bound("<= 1.05").holds(1.05))
        self.assertFalse(stats.Bound("<= 1.05").holds(1.0500001))
        self.assertTrue(stats.Bound(">= 0.95").holds(0.95))
        self.assertFalse(stats.Bound(">= 0.95").holds(0.9499999))
        for nonsense in ("< 1", "1.05", "<=1.05", "<= much"):
            self.assertRaises(ValueError, stats.Bound, nonsense)

    def test_a_bounded_figure_is_rounded_against_us(self):
        self.assertEqual(stats.rounded(1.0500001, 3, stats.Bound("<= 1.05")), "1.051")
        self.assertEqual(stats.rounded(0.9499999, 3, stats.Bound(">= 0.95")), "0.949")
        self.assertEqual(stats.rounded(1.05, 3, stats.Bound("<= 1.05")), "1.050")
        self.assertEqual(stats.rounded(0.95, 3, stats.Bound(">= 0.95")), "0.950")
        self.assertEqual(stats.rounded(17969.4, 0), "17,969")


class Table(unittest.TestCase):
    def bench(self, **options):
        return Bench("/nowhere", "test", Keeper(), log=io.StringIO(), **options)

    def test_cases_are_measured_in_turn_after_a_round_that_is_thrown_away(self):
        order = []

        def measure(name, value):
            def measured():
                order.append(name)
                return value if len(order) > 2 else 1_000_000

            return measured

        rows = self.bench(runs=5).compare(
            "time", [Case("A", measure("A", 10)), Case("B", measure("B", 9), against="A", bound="<= 0.9")], "s"
        )
        self.assertEqual(order, ["B", "A", "A", "B"] * 3)
        self.assertEqual(rows[0].values, [10] * 5)
        self.assertEqual(rows[1].ratio, 0.9)
        self.assertIs(rows[1].held(), True)
        self.assertIs(rows[0].held(), None)

    def test_a_missed_bound_shows(self):
        bench = self.bench(runs=5)
        rows = bench.compare("t", [Case("A", lambda: 1), Case("B", lambda: 1.0501, against="A", bound="<= 1.05")], "s")
        self.assertIs(rows[1].held(), False)
        self.assertEqual(rows[1].cells()[-3:], ["1.051 × A", "≤ 1.05 ×", "NO"])
        self.assertIs(bench.figure("memory", "B", [8.001], "MiB", 2, limit="<= 8").held(), False)

    def test_a_missing_peer_leaves_out_its_row_and_judges_no_ratio(self):
        def absent():
            raise Missing("apt install peer")

        rows = self.bench(runs=5).compare(
            "t", [Case("peer", absent), Case("ours", lambda: 2, against="peer", bound="<= 1")], "s"
        )
        self.assertEqual(rows[0].cells()[2], "left out: apt install peer")
        self.assertIs(rows[1].held(), None)
        self.assertEqual(rows[1].cells()[-1], "not judged")

    def test_a_smoke_run_measures_once_and_judges_nothing(self):
        bench = self.bench(runs=5, smoke=True)
        rows = bench.compare("t", [Case("A", lambda: 1), Case("B", lambda: 9, against="A", bound="<= 1")], "s")
        self.assertEqual(rows[1].values, [9])
        self.assertIs(rows[1].held(), None)
        self.assertEqual(bench.size(10**9, smoke=1), 1)

    def test_the_table_is_markdown_with_columns_that_line_up(self):
        bench = self.bench(runs=5)
        bench.compare("time", [Case("A", lambda: 1), Case("Bee", lambda: 2, against="A", bound="<= 1.5")], "s", 1)
        bench.left_out("time", "C", "none")
        self.assertEqual(
            report.table(bench.rows),
            textwrap.dedent(
                """\
                | figure | program | median         | lowest – highest | ratio     | bound   | held |
                | ------ | ------- | -------------- | ---------------- | --------- | ------- | ---- |
                | time   | A       | 1.0 s          | 1.0 – 1.0        |           |         |      |
                |        | Bee     | 2.0 s          | 2.0 – 2.0        | 2.000 × A | ≤ 1.5 × | NO   |
                |        | C       | left out: none |                  |           |         |      |"""
            ),
        )

    def test_a_bound_without_a_partner_is_refused(self):
        self.assertRaises(ValueError, Case, "A", lambda: 1, bound="<= 1")
        bench = self.bench(runs=5)
        self.assertRaises(ValueError, bench.compare, "t", [Case("A", lambda: 1, against="Z")], "s")


class Markers(unittest.TestCase):
    def test_what_stands_between_the_markers_is_replaced_and_nothing_else(self):
        text = "# A\n\n<!-- bench:echo -->\nold\n<!-- /bench:echo -->\n\nmore\n"
        once = report.put_between_markers(text, "echo", "| new |\n")
        self.assertEqual(once, "# A\n\n<!-- bench:echo -->\n\n| new |\n\n<!-- /bench:echo -->\n\nmore\n")
        self.assertEqual(report.put_between_markers(once, "echo", "| new |\n"), once)

    def test_each_benchmark_has_one_place_in_the_results(self):
        folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        with open(os.path.join(folder, "RESULTS.md"), encoding="utf-8") as file:
            results = file.read()
        names = [name[: -len(".py")] for name in os.listdir(folder) if re.match(r"[a-z].*\.py$", name)]
        self.assertIn("echo", names)
        for name in names:
            report.put_between_markers(results, name, "new")

    def test_a_file_without_one_place_for_the_table_is_refused(self):
        for text in (
            "none",
            "<!-- bench:echo -->",
            "<!-- /bench:echo --> <!-- bench:echo -->",
            "<!-- bench:echo --> <!-- bench:echo --> <!-- /bench:echo -->",
            "<!-- bench:eof --> <!-- /bench:eof -->",
        ):
            self.assertRaises(report.MarkerError, report.put_between_markers, text, "echo", "new")


class Processes(unittest.TestCase):
    def setUp(self):
        self.keeper = Keeper()
        self.addCleanup(self.keeper.stop_all)

    def assert_gone(self, pid):
        # Stopped programs have been waited for, so their numbers name nobody.
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)

    def test_a_peer_is_ready_when_it_says_so_and_gone_after_its_block(self):
        with self.keeper.start([sys.executable, "-c", SERVER]) as peer:
            self.assertGreater(int(port_of(peer)), 0)
            if os.path.exists("/proc/self/status"):
                self.assertGreater(peer.peak_memory(), 1024 * 1024)
        self.assert_gone(peer.pid)

    def test_a_peer_is_gone_after_an_error_in_its_block(self):
        with self.assertRaises(ZeroDivisionError):
            with self.keeper.start([sys.executable, "-c", SERVER]) as peer:
                print(1 // 0)
        self.assert_gone(peer.pid)

    def test_a_peer_that_ends_before_it_is_ready_tells_why(self):
        with self.assertRaisesRegex(BenchError, "ended before it was ready: no such luck"):
            self.keeper.start([sys.executable, "-c", "import sys; sys.exit('no such luck')"])

    def test_a_peer_that_ignores_the_request_to_end_is_killed(self):
        stubborn = "import signal, sys, time; signal.signal(15, signal.SIG_IGN); "
        stubborn += "print('ready', file=sys.stderr, flush=True); time.sleep(600)"
        peer = self.keeper.start([sys.executable, "-c", stubborn], ready="ready")
        peer.stop()
        self.assert_gone(peer.pid)

    def test_what_a_peer_started_ends_with_it(self):
        parent = "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'import time; "
        parent += "time.sleep(600)']); print('child', child.pid, file=sys.stderr, flush=True); child.wait()"
        with self.keeper.start([sys.executable, "-c", parent], ready=r"child (?P<pid>\d+)") as peer:
            child = int(peer.match["pid"])
        # It has been killed. How soon its new parent, init, fetches its status is not up to us.
        deadline = time.monotonic() + 20
        while state(child) not in (None, "Z"):
            self.assertLess(time.monotonic(), deadline, "the peer's child still runs")

    def test_a_call_gives_output_time_and_memory(self):
        script = "import sys; block = bytearray(64 << 20); print(input()); sys.stderr.write('told'); sys.exit(3)"
        result = self.keeper.call([sys.executable, "-c", script], input="hello\n", check=False)
        self.assertEqual((result.code, result.stdout, result.stderr), (3, "hello\n", "told"))
        self.assertGreater(result.peak_memory, 64 << 20)
        self.assertGreater(result.seconds, 0)

    def test_a_call_that_fails_or_hangs_is_an_error(self):
        with self.assertRaisesRegex(BenchError, "ended with 1: no"):
            self.keeper.call([sys.executable, "-c", "import sys; sys.exit('no')"])
        with self.assertRaisesRegex(Late, "did not end within"):
            self.keeper.call([sys.executable, "-c", "import time; time.sleep(600)"], timeout=0.2)

    def test_an_interruption_right_after_the_start_leaves_no_alarm(self):
        alarms = []

        class Alarm(threading.Timer):
            def start(self):
                super().start()
                alarms.append(self)
                raise KeyboardInterrupt

        with mock.patch.object(threading, "Timer", Alarm), self.assertRaises(KeyboardInterrupt):
            self.keeper.call([sys.executable, "-c", "import time; time.sleep(600)"])
        self.assertTrue(alarms[0].finished.is_set())
        self.assertTrue(alarms[0].daemon)

    def test_a_program_that_is_not_there_is_missing(self):
        self.assertRaisesRegex(Missing, "no-such-program is not installed", self.keeper.call, ["no-such-program"])

    @unittest.skipUnless(hasattr(os, "sched_getaffinity"), "this system cannot pin")
    def test_a_pinned_program_runs_on_its_cpu_and_the_driver_does_not(self):
        before = os.sched_getaffinity(0)
        last = max(before)
        script = "import os; print(os.sched_getaffinity(0))"
        result = self.keeper.call([sys.executable, "-c", script], cpu=last)
        self.assertEqual(result.stdout.strip(), str({last}))
        self.assertEqual(os.sched_getaffinity(0), before)

    def test_an_interrupted_run_leaves_nothing_running(self):
        driver = textwrap.dedent(
            f"""
            import os, sys
            from driver.processes import Keeper
            keeper = Keeper()
            keeper.install()
            try:
                peer = keeper.start([sys.executable, "-c", {SERVER!r}])
                print(peer.pid, flush=True)
                keeper.call([sys.executable, "-c", "import time; time.sleep(600)"])
            except KeyboardInterrupt:
                sys.exit(130)
            finally:
                keeper.stop_all()
            """
        )
        here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        for number in (signal.SIGINT, signal.SIGTERM):
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "driver.py")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(f"import sys; sys.path.insert(0, {here!r})\n{driver}")
                run = subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE)
                with run.stdout:
                    pid = int(run.stdout.readline())
                    run.send_signal(number)
                    self.assertEqual(run.wait(20), 130)
            self.assert_gone(pid)


if __name__ == "__main__":
    unittest.main()
