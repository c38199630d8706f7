"""Starting and stopping programs: pinned to a CPU, waited for without sleeps, never left behind."""

import collections
import contextlib
import os
import re
import signal
import subprocess
import tempfile
import threading
import time

#: What the lab's servers say on stderr once clients can come.
LISTENING = r"listening on (?P<host>\S+):(?P<port>\d+)"

#: How long a program may take to end when it is asked to, in seconds.
PATIENCE = 2.0


class BenchError(Exception):
    """A measurement that cannot be trusted or made. Ends its benchmark with a message, not with a
    traceback.
    """


class Late(BenchError):
    """A program that did not end within the time it had."""


class Missing(Exception):
    """Something this machine does not have. Its message says what to install."""


class Result:
    """A program that has run to its end."""

    def __init__(self, code, stdout, stderr, seconds, usage):
        self.code = code
        self.stdout = stdout
        self.stderr = stderr
        #: From its start to its end, by the wall clock.
        self.seconds = seconds
        #: In user and in system mode, it and the children it waited for.
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        # : The largest resident set, in bytes. Linux counts that of this
        # driver's process at the moment of the : start as well (about 20
        # MiB), so small figures have to come from the program's own VmHWM.
        self.peak_memory = usage.ru_maxrss * (1 if os.uname().sysname == "Darwin" else 1024)


class Peer:
    """A program that runs next to the measurement, such as a server. A context manager: leaving it
    stops it.
    """

    def __init__(self, keeper, process, argv, match, output, reader):
        self._keeper = keeper
        self._process = process
        self._output = output
        self._reader = reader
        self.argv = argv
        self.pid = process.pid
        #: The match of its line of readiness, `peer.match["port"]`.
        self.match = match

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def output(self):
        """The last lines of the stream on which it said that it was ready."""
        return "\n".join(self._output)

    def peak_memory(self):
        """Its largest resident set so far, in bytes (VmHWM in /proc/PID/status). Only on Linux."""
        try:
            with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as status:
                found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read(), re.MULTILINE)
        except OSError as error:
            raise Missing(f"the peak memory of a running program is read from /proc: {error}") from error
        if not found:
            raise BenchError(f"{self.argv[0]} has ended, its peak memory is gone")
        return int(found[1]) * 1024

    def end_input(self):
        """Closes its stdin, which was started as a pipe: for a peer that works until then."""
        self._process.stdin.close()

    def wait(self, timeout=10.0):
        """Waits for a peer that ends by itself and gives its exit code."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise BenchError(f"{self.argv[0]} did not end within {timeout} s") from None
        self.stop()
        return code

    def stop(self):
        """Stops it and all it started, and returns when it is gone. Stopping twice is fine."""
        self._keeper.stop(self._process)
        if self._reader is not None:
            self._reader.join()


def port_of(peer):
    """The port that a peer said it listens on, as text for a command line."""
    return peer.match["port"]


class Keeper:
    """Knows every program that was started and is not yet gone.

    Every program gets its own session: Ctrl-C in the terminal reaches this process alone, which
    then stops each program's whole process group.
    """

    def __init__(self):
        self._processes = []
        self._shields = 0
        self._interrupted = False
        self._told = False

    def install(self):
        """Makes SIGTERM and SIGHUP end the run as Ctrl-C does: through the `finally` that stops
        everything.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._interrupt)

    def _interrupt(self, *_):
        self._interrupted = True
        self._tell()

    def _tell(self):
        # Once: a second Ctrl-C must not break into the stopping that the first has begun.
        if self._interrupted and not self._told and self._shields == 0:
            self._told = True
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def _shield(self):
        """Puts an interruption off. One between a start and its entry in the list would leave a
        program behind.
        """
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
        self._tell()

    def spawn(self, argv, cpu=None, **options):
        with self._shield(), on_cpu(cpu):
            try:
                process = subprocess.Popen(argv, start_new_session=True, **options)
            except FileNotFoundError as error:
                raise Missing(f"{error.filename} is not installed") from error
            self._processes.append(process)
        return process

    def stop(self, process):
        """Asks a program to end, then ends what is left of its group."""
        with self._shield():
            if process not in self._processes:
                return
            if process.returncode is None:
                signal_group(process.pid, signal.SIGTERM)
                wait_unreaped(process, PATIENCE)
                # It is not waited for yet, so the number still names this group and no other.
                signal_group(process.pid, signal.SIGKILL)
                process.wait()
            self._processes.remove(process)

    def forget(self, process):
        self._processes.remove(process)

    def stop_all(self):
        with self._shield():
            for process in list(self._processes):
                self.stop(process)

    def start(self, argv, ready=LISTENING, ready_on="stderr", cpu=None, timeout=20.0, cwd=None, env=None, stdin=None):
        """Starts a program and waits until a line of its `ready_on` matches `ready`; its other
        stream is dropped.
        """
        argv = [os.fspath(word) for word in argv]
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        streams[ready_on] = subprocess.PIPE
        process = self.spawn(argv, cpu, cwd=cwd, env=env, stdin=stdin or subprocess.DEVNULL, **streams)
        output = collections.deque(maxlen=50)
        decided = threading.Event()
        matches = []
        stream = getattr(process, ready_on)

        def read():
            # Reads to the end: a peer that writes more than a pipe holds would stop.
            with stream:
                for line in stream:
                    line = line.decode(errors="replace").rstrip("\n")
                    output.append(line)
                    found = re.search(ready, line)
                    if found and not matches:
                        matches.append(found)
                        decided.set()
            decided.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        in_time = decided.wait(timeout)
        peer = Peer(self, process, argv, matches[0] if matches else None, output, reader)
        if not matches:
            if in_time:
                why = "ended before it was ready"
            else:
                why = f"was not ready within {timeout:.0f} s"
            peer.stop()
            raise BenchError(f"{' '.join(argv)} {why}: {peer.output or 'it said nothing'}")
        return peer

    def call(self, argv, cpu=None, timeout=300.0, cwd=None, env=None, input=None, check=True):
        """Runs a program to its end. Without `check` an exit code other than 0 is the caller's
        affair.
        """
        argv = [os.fspath(word) for word in argv]
        with contextlib.ExitStack() as files:
            # Files, since a pipe that nobody reads stops the
            # program, and reading while we wait costs its CPU.
            stdout, stderr, stdin = (files.enter_context(tempfile.TemporaryFile()) for _ in range(3))
            stdin.write((input or "").encode())
            stdin.seek(0)
            start = time.perf_counter()
            process = self.spawn(argv, cpu, cwd=cwd, env=env, stdin=stdin, stdout=stdout, stderr=stderr)
            late = threading.Event()

            def kill():
                late.set()
                signal_group(process.pid, signal.SIGKILL)

            alarm = threading.Timer(timeout, kill)
            # An interruption may come before the `try` is entered.
            # The alarm must not hold the end up then.
            alarm.daemon = True
            try:
                alarm.start()
                _, status, usage = os.wait4(process.pid, 0)
                seconds = time.perf_counter() - start
            except BaseException:
                self.stop(process)
                raise
            finally:
                alarm.cancel()
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
            # Popen does not know that wait4 has taken the exit status.
            process.returncode = code
            self.forget(process)
            texts = []
            for file in (stdout, stderr):
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
        if late.is_set():
            raise Late(f"{' '.join(argv)} did not end within {timeout:.0f} s")
        if check and code != 0:
            said = texts[1].strip() or texts[0].strip() or "it said nothing"
            raise BenchError(f"{' '.join(argv)} ended with {code}: {said[-2000:]}")
        return Result(code, texts[0], texts[1], seconds, usage)


@contextlib.contextmanager
def on_cpu(cpu):
    """Programs started inside run on this CPU alone: a child inherits the affinity of the thread
    that starts it.
    """
    if cpu is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def signal_group(leader, number):
    """Sends a signal to a process group, if it still has a member."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)


def wait_unreaped(process, timeout):
    """Waits until a child has ended, at most `timeout` seconds, and leaves its exit status to be
    fetched.
    """

    def wait():
        # Its status was fetched by an interrupted `call`: it has ended all the same.
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    if hasattr(os, "waitid"):
        waiter = threading.Thread(target=wait, daemon=True)
        waiter.start()
        waiter.join(timeout)
    else:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout)
