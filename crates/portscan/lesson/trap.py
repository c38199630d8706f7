"""Builds a network in which a port scanner is easily wrong, and runs a scanner in it.

Usage: python3 crates/portscan/lesson/trap.py TRAP [COMMAND ...]

TRAP is near-refusals, syn-guard or syn-proxy: the README of portscan tells what each of them does.
COMMAND is run on the near side, for example
    python3 crates/portscan/twin.py 10.200.0.2 --ports 1-300
    bash
Without one, portscan scans the far side.

Needs Linux, iproute2 (ip), nftables (nft) and util-linux (unshare), but not root: the network
namespaces belong to a user namespace (user_namespaces(7)). They end with this program.
"""

import ctypes
import fcntl
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import deque

NEAR, FAR = "10.200.0.1", "10.200.0.2"
IS_SYN = "tcp flags & (syn | ack) == syn"
REAL = "22, 80, 443, 8080"

# Each trap: the time on the way in seconds, the ports with a service, the rules of the firewall and
# the side that it is on, and what portscan is asked.
TRAPS = {
    "near-refusals": (
        0.075, [22, 80, 443, 8080], "near",
        f"chain out {{ type filter hook output priority 0; {IS_SYN} tcp dport != {{ {REAL} }} reject with tcp reset\n }}",
        ["--top", "100"],
    ),
    "syn-guard": (
        0.010, list(range(1, 301, 15)), "far",
        f"chain in {{ type filter hook input priority 0; {IS_SYN} limit rate over 25/second burst 50 packets drop\n }}",
        ["--ports", "1-300"],
    ),
    "syn-proxy": (
        0.005, [22, 7777], "far",
        "chain in { type nat hook prerouting priority dstnat; tcp dport != 22 redirect to :7777\n }",
        ["--ports", "1-100", "--banner"],
    ),
}

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TRAPS:
        sys.exit(__doc__)
    for program in ["ip", "nft", "unshare"]:
        if shutil.which(program) is None:
            sys.exit(f"trap.py needs the program {program}")
    delay, ports, side, rules, options = TRAPS[sys.argv[1]]

    # 1. A user namespace, in which an ordinary user may make networks
    if os.geteuid() != 0:
        os.execvp("unshare", ["unshare", "--user", "--map-root-user", sys.executable, *sys.argv])
    command = sys.argv[2:]
    if not command:
        command = ["cargo", "run", "--quiet", "-p", "portscan", "--", FAR, *options]
        # Built before there is only this network.
        subprocess.run(["cargo", "build", "--quiet", "-p", "portscan"], check=True)

    # 2. Three network namespaces: near, the way, far
    # The scanner is in the near one, this process in all of them, one thread each.
    way, far = Side(), Side()
    near = Side()
    near.run(lambda: cable("near0", NEAR, "way0", way))
    far.run(lambda: cable("far0", FAR, "way1", way))
    way.run(lambda: [ip("link", "set", name, "up") for name in ["way0", "way1"]])

    # 3. The way carries each frame to the other end after a while
    carrying = threading.Event()
    threading.Thread(target=way.run, args=(lambda: carry(delay, carrying),), daemon=True).start()
    carrying.wait()

    # 4. The services, and the firewall
    for port in ports:
        listener = far.run(lambda: socket.create_server((FAR, port), backlog=1024))
        threading.Thread(target=serve, args=(listener, port), daemon=True).start()
    firewall = {"near": near, "far": far}[side]
    firewall.run(lambda: nft(f"table ip trap {{ {rules}\n }}"))

    # 5. The scan
    print(f"{sys.argv[1]}: {FAR} is {1000 * delay:g} ms away and has {len(ports)} services", file=sys.stderr)
    code = near.run(lambda: subprocess.run(command).returncode)
    sys.stdout.flush()
    os._exit(code)


class Side:
    """A network namespace: made by a thread that leaves this one, and entered by others."""

    def __init__(self) -> None:
        def make() -> None:
            unshare()
            ip("link", "set", "lo", "up")
            self.space = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            # A process in it, by which ip(8) finds it.
            # It ends with its stdin, so with this program.
            self.holder = subprocess.Popen("cat", stdin=subprocess.PIPE)
        in_thread(make)

    def run(self, work):
        """Does the work in this namespace; what it starts is there too."""
        def enter():
            if libc.setns(self.space, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "cannot enter a namespace")
            return work()
        return in_thread(enter)


def in_thread(work):
    """Does the work in a thread of its own, since a namespace belongs to a thread."""
    results = []

    def do() -> None:
        try:
            results.append((work(), None))
        except BaseException as error:
            results.append((None, error))
    thread = threading.Thread(target=do)
    thread.start()
    thread.join()
    result, error = results[0]
    if error is not None:
        raise error
    return result


def unshare() -> None:
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot make a network namespace")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def nft(rules: str) -> None:
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)


def cable(name: str, address: str, other: str, way: Side) -> None:
    """A pair of devices (veth(4)): one here with an address, the other on the way."""
    ip("link", "add", name, "type", "veth", "peer", "name", other, "netns", str(way.holder.pid))
    without_offload(name)
    ip("address", "add", f"{address}/24", "dev", name)
    ip("link", "set", name, "up")


def without_offload(name: str) -> None:
    """Lets the kernel compute checksums itself: a frame that is carried by hand has to have one."""
    SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
    value = ctypes.create_string_buffer(struct.pack("II", ETHTOOL_STXCSUM, 0))
    request = struct.pack("16sP16x", name.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCETHTOOL, request)


def carry(delay: float, carrying: threading.Event) -> None:
    """Carries frames between the two devices of the way (packet(7))."""
    ETH_P_ALL, PACKET_OUTGOING = 3, 4
    ends = []
    for name in ["way0", "way1"]:
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        end.bind((name, ETH_P_ALL))
        end.setblocking(False)
        ends.append(end)
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    carrying.set()
    waiting = deque()
    while True:
        rest = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select(ends, [], [], rest)
        for end in ready:
            frame, (_, _, kind, *_) = end.recvfrom(65536)
            if kind != PACKET_OUTGOING:
                waiting.append((time.monotonic() + delay, other[end], frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _, end, frame = waiting.popleft()
            end.send(frame)


def serve(listener: socket.socket, port: int) -> None:
    """Says something on port 22; elsewhere it waits for the client, as HTTP does."""
    kept = deque(maxlen=1000)
    while True:
        connection, _ = listener.accept()
        if port == 22:
            try:
                connection.sendall(b"SSH-2.0-lesson\r\n")
            except OSError:
                pass  # The scanner has gone already.
        else:
            kept.append(connection)


if __name__ == "__main__":
    main()
