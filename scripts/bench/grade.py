"""How long an instructor waits: a class of 100 submissions, three of which hang."""

import os
import shutil
import sys
import tempfile

from driver import BenchError

TITLE = "cargo lab grade: a class of 100"
#: Left out unless it is named: it takes minutes.
LONG = True

#: The gallery's programs, in turn.
KINDS = ["right", "right", "right", "right", "one-recv", "endswith", "strips", "leaks", "spins", "right"]
HANGS = """import socket, sys, time
s = socket.create_server(('127.0.0.1', int(sys.argv[1])))
while True: time.sleep(1)
"""
HANGING = 3


def needs():
    return []


def write_class(folder, gallery, size):
    for number in range(size):
        submission = os.path.join(folder, f"s{number:02}")
        os.mkdir(submission)
        program = os.path.join(submission, "server.py")
        if number >= size - HANGING:
            with open(program, "w", encoding="utf-8") as file:
                file.write(HANGS)
        else:
            shutil.copyfile(os.path.join(gallery, f"{KINDS[number % len(KINDS)]}.py"), program)


def run(bench):
    gallery = os.path.join(bench.package("lab-check"), "gallery", "dsd-eof")
    # The profile that `cargo lab` builds.
    check = bench.cargo("lab-check", release=False)
    size = bench.size(100, smoke=HANGING + 1)
    # An empty environment: what is installed besides Python, and a python3 that is a script which
    # looks for the interpreter, take their own time at each of some two thousand starts.
    python = os.path.join(bench.folder, "python")
    bench.call([sys.executable, "-m", "venv", "--without-pip", "--clear", python])
    path = os.pathsep.join([os.path.join(python, "bin"), os.environ["PATH"]])
    folder = tempfile.mkdtemp(prefix="class-", dir=bench.folder)
    try:
        write_class(folder, gallery, size)
        argv = [check, "grade", folder, "--exercise", "dsd-eof", "--server", "python3 {dir}/server.py {port}"]
        argv += ["--out", os.path.join(bench.folder, "grades")]
        bench.progress(f"{size} submissions")
        graded = bench.call(argv, timeout=900, env=dict(os.environ, PATH=path), check=False)
    finally:
        shutil.rmtree(folder)
    # Some submissions are wrong, and each of them could be decided.
    if graded.code != 1:
        raise BenchError(f"cargo lab grade ended with {graded.code}: {graded.stdout} {graded.stderr}")
    figure = f"{size} submissions, {HANGING} of which hang"
    bench.figure(figure, "cargo lab grade", [graded.seconds], "s", digits=0, limit="<= 90")
    bench.figure("processor time", "cargo lab grade", [graded.cpu_seconds], "s", digits=0)
