"""Runs the programs in this folder together, and compares what they print with README.md.

    python3 feedback.py

It needs Python 3.8 or newer, and nothing else.
"""

import http.server
import re
import socket
import subprocess
import sys
import threading
import time

# The programs, a server before its client: file and side.
PROGRAMS = []
# Whether the programs ask a web server; a small one is started then.
WEB = False
# Seconds until a program has to listen, to print a line, or to end.
PATIENCE = 10


def main():
    port = free_port()
    if WEB:
        serve_web(port)
    shown = {file: from_readme(file) for file, _ in PROGRAMS}
    running = []
    try:
        address = ["--host", "localhost" if WEB else "127.0.0.1", "--port", str(port)]
        for file, side in PROGRAMS:
            words, typed, _ = shown[file]
            program = Program(file, words + (address if takes_address(file) else []))
            running.append(program)
            if side == "server":
                program.type_in("")
                program.wait(lambda: program.ended() or "listening on " in program.stderr())
            else:
                program.type_in(typed)
                program.wait(program.ended)
        problems = 0
        for program in running:
            problems += told(program, shown[program.file][2])
    finally:
        for program in running:
            program.stop()
    sys.exit(1 if problems else 0)


def from_readme(file):
    """What README.md shows of a program: its words, what is typed in, and what it prints."""
    with open("README.md", encoding="utf-8") as readme:
        text = readme.read().split("### Run it", 1)[-1]
    start = f"$ python3 {file}"
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        lines = block.splitlines()
        if lines[0] == start or lines[0].startswith(start + " "):
            words = [word.strip("'") for word in re.findall(r"'[^']*'|\S+", lines[0][len(start):])]
            typed, printed = [], []
            for line in lines[1:]:
                # What is typed in stands after a question, which only a terminal sees.
                if printed and printed[-1].endswith(":"):
                    printed.pop()
                    typed.append(line + "\n")
                else:
                    printed.append(line)
            return words, "".join(typed), printed
    sys.exit(f"README.md shows no run of {file}")


def takes_address(file):
    with open(file, encoding="utf-8") as program:
        return '"--port"' in program.read()


def told(program, expected):
    """Says whether a program printed what README.md shows; gives the number of problems."""
    errors = [without_numbers(line) for line in program.stderr().splitlines()]
    # What a server says on stderr is shown among its lines. Here it listens on this machine alone,
    # so it does not say how to do that.
    wanted = [line for line in expected if without_numbers(line) not in errors
              and "--host 127.0.0.1" not in line]
    program.wait(lambda: program.ended() or len(program.stdout().splitlines()) >= len(wanted))
    printed = program.stdout().splitlines()
    missing = re.search(r"NotImplementedError: (.*)", program.stderr())
    if missing:
        print(f"next  {program.file}: {missing[1]}")
        return 1
    for number in range(max(len(wanted), len(printed))):
        want = wanted[number] if number < len(wanted) else None
        got = printed[number] if number < len(printed) else None
        if want == "…":
            break
        if not same(want, got):
            print(f"FAIL  {program.file}: line {number + 1} is not what README.md shows")
            print(f"      expected  {'nothing more' if want is None else want}")
            print(f"      printed   {'nothing more' if got is None else got}")
            for line in program.stderr().splitlines()[-5:]:
                print(f"      stderr    {line}")
            return 1
    print(f"ok    {program.file} prints what README.md shows")
    return 0


def same(want, got):
    if want is None or got is None:
        return want is got
    want, got = without_numbers(want), without_numbers(got)
    beginning, more, _ = want.partition("…")
    return got.startswith(beginning) if more else got == want


def without_numbers(line):
    """Addresses and ports differ from run to run."""
    line = re.sub(r"\d+\.\d+\.\d+\.\d+|localhost|www\.[a-z.]+", "ADDRESS", line)
    return re.sub(r"\d{4,}", "NUMBER", line)


class Program:
    def __init__(self, file, words):
        self.file = file
        self.process = subprocess.Popen(
            [sys.executable, file] + words,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.printed = [b"", b""]
        for number, stream in enumerate([self.process.stdout, self.process.stderr]):
            threading.Thread(target=self.read, args=(number, stream), daemon=True).start()

    def read(self, number, stream):
        for line in stream:
            self.printed[number] += line

    def stdout(self):
        return self.printed[0].decode(errors="replace")

    def stderr(self):
        return self.printed[1].decode(errors="replace")

    def type_in(self, text):
        try:
            self.process.stdin.write(text.encode())
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # It has ended: what it printed says why.

    def ended(self):
        return self.process.poll() is not None

    def wait(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.02)

    def stop(self):
        self.process.kill()
        self.process.wait()


def free_port():
    """A port that nobody uses, for TCP and for UDP."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            tcp.bind(("127.0.0.1", 0))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                try:
                    udp.bind(tcp.getsockname())
                except OSError:
                    continue
                return tcp.getsockname()[1]
    sys.exit("no port is free")


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response_only(200)
        self.send_header("Date", self.date_time_string())
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def serve_web(port):
    server = http.server.HTTPServer(("127.0.0.1", port), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()


main()
