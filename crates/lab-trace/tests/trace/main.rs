//! The command as its users meet it: Python and Rust programs, friendly and hostile ones.
#![cfg(target_os = "linux")]

mod exercises;
mod faults;
mod files;
mod lines;
mod long;
mod relayed;
mod sockets;
mod spy;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use lab_journal::{Call, Event, Journal, Outcome, Segment};
use tempfile::TempDir;

/// Python's socket module, and a connected client or a client that a server took, as `peer`.
const SERVER: &str = "import os, signal, socket, sys, threading, time
listener = socket.create_server(('127.0.0.1', 9000))
";
const CLIENT: &str = "import os, signal, socket, sys, threading, time
peer = socket.create_connection(('127.0.0.1', 9000))
";

/// Two programs in Python.
struct Pair {
    folder: TempDir,
}

impl Pair {
    fn new(server: &str, client: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, head, body) in [("server.py", SERVER, server), ("client.py", CLIENT, client)] {
            fs::write(folder.path().join(name), format!("{head}{body}")).expect("a program");
        }
        Pair { folder }
    }

    fn command(&self) -> Command {
        let program =
            |name: &str| format!("python3 -u {}", self.folder.path().join(name).display());
        let mut command = trace(self.folder.path());
        command.args(["--server", &program("server.py")]);
        command.args(["--client", &program("client.py")]);
        command
    }

    fn run(&self) -> (Output, Journal) {
        let output = self.command().output().expect("it runs");
        (output, journal(self.folder.path()))
    }
}

fn trace(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab-trace"));
    command
        .args(["trace", "--json"])
        .arg(folder.join("run.json"))
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null());
    command
}

fn journal(folder: &Path) -> Journal {
    let text = fs::read_to_string(folder.join("run.json")).expect("a journal");
    Journal::from_json(&text).expect("a journal that can be read")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn calls(journal: &Journal) -> impl Iterator<Item = &Call> {
    journal
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Call(call) => Some(call),
            _ => None,
        })
}

fn segments(journal: &Journal) -> Vec<&Segment> {
    let all = journal
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Segment(segment) => Some(segment),
            _ => None,
        });
    all.collect()
}

/// Each received byte is the byte of the send that it is tied to. Gives all that was received.
fn assert_tied(journal: &Journal) -> Vec<u8> {
    let mut all = Vec::new();
    for call in calls(journal) {
        let Some(data) = call.data.as_ref().filter(|data| !data.sent) else {
            continue;
        };
        let mut tied: Vec<u8> = Vec::new();
        for piece in &data.from {
            let sent = journal.call(piece.call).expect("a call");
            let sent = sent.data.as_ref().filter(|data| data.sent).expect("a send");
            let from = usize::try_from(piece.offset).expect("a small offset");
            let to = from + usize::try_from(piece.length).expect("a small piece");
            tied.extend(&sent.bytes[from..to]);
        }
        assert_eq!(tied, data.bytes, "{call:?}");
        all.extend(tied);
    }
    all
}

/// Nothing of the run is left. What has ended and waits for its new parent, after its own was
/// killed, is not left.
fn assert_all_ended(journal: &Journal) {
    for process in &journal.processes {
        let status = format!("/proc/{}/status", process.pid);
        let status = fs::read_to_string(status).unwrap_or_default();
        let ended = status.is_empty() || status.contains("State:\tZ");
        assert!(ended, "process {} is left:\n{status}", process.pid);
    }
}

/// Whether the run had its own network; without one there are no segments to compare.
fn saw_the_wire(journal: &Journal) -> bool {
    let alone = journal
        .notes
        .iter()
        .any(|note| note.starts_with("calls alone"));
    assert_eq!(segments(journal).is_empty(), alone, "{:?}", journal.notes);
    !alone
}

#[test]
fn the_catalogs_pair_in_all_pairings() {
    for (server, client) in [
        ("rust", "rust"),
        ("rust", "python"),
        ("python", "rust"),
        ("python", "python"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let output = trace(folder.path())
            .args(["dsd-sum", "--server", server, "--client", client])
            .arg("--width=140")
            .output()
            .expect("it runs");
        let shown = stdout(&output);
        assert!(output.status.success(), "{output:?}");
        assert!(shown.contains("Server says: 15\n"), "{shown}");
        assert!(shown.contains("recv(1024) = 9 \"1 2 3 4 5\""), "{shown}");
        let journal = journal(folder.path());
        // Which recv began first is chance.
        let mut received = assert_tied(&journal);
        received.sort_unstable();
        assert_eq!(received, b"    1123455", "{server} {client}");
        assert_all_ended(&journal);
        if saw_the_wire(&journal) {
            let all = segments(&journal);
            let names: Vec<_> = all
                .iter()
                .filter(|segment| segment.length > 0 || segment.fin || segment.syn && !segment.ack)
                .map(|segment| journal.call(segment.call.expect("a call")).expect("a call"))
                .map(|call| call.name.as_str())
                .collect();
            assert_eq!(
                names[..3],
                ["connect", "sendto", "sendto"],
                "{server} {client}"
            );
            assert_eq!(names.len(), 5, "{names:?}");
            assert!(all.iter().any(|segment| segment.syn && segment.ack));
        }
    }
}

#[test]
fn one_send_of_three_is_three_recvs_and_three_sends_are_one_recv() {
    let pair = Pair::new(
        "peer, _ = listener.accept()
for _ in range(3): peer.recv(1)
peer.sendall(b'go')
while peer.recv(100, socket.MSG_PEEK) != b'defghi': time.sleep(0.01)
peer.recv(100)
peer.close()
",
        "peer.sendall(b'abc')
peer.recv(2)
for piece in (b'de', b'fgh', b'i'): peer.sendall(piece)
peer.recv(1)
",
    );
    let (output, journal) = pair.run();
    assert!(output.status.success(), "{output:?}");
    assert_tied(&journal);
    let pieces = |wanted: &[u8]| {
        let found = calls(&journal).find(|call| {
            let data = call.data.as_ref();
            data.is_some_and(|data| !data.sent && !data.peeked && data.bytes == wanted)
        });
        let data = found.and_then(|call| call.data.as_ref()).expect("a recv");
        let pieces = data.from.iter();
        pieces
            .map(|piece| (piece.offset, piece.length))
            .collect::<Vec<_>>()
    };
    assert_eq!(pieces(b"b"), [(1, 1)]);
    assert_eq!(pieces(b"defghi"), [(0, 2), (0, 3), (0, 1)]);
    assert!(
        stdout(&output).contains("of 3 sends"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn stdin_stdout_and_the_exit_code_are_the_clients() {
    let pair = Pair::new(
        "peer, _ = listener.accept()\nprint(peer.recv(100))\n",
        "peer.sendall(sys.stdin.buffer.read())\nprint('sent')\nsys.exit(7)\n",
    );
    let mut running = pair
        .command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = running.stdin.take().expect("a pipe");
    stdin.write_all(b"from the user").expect("it reads");
    drop(stdin);
    let output = running.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(7));
    let shown = stdout(&output);
    // Both print at the same time, so that their lines may be mixed.
    assert!(shown.contains("b'from the user'"), "{shown}");
    assert!(shown.contains("sent"), "{shown}");
    assert!(shown.contains("ends: exit 7"), "{shown}");
}

#[test]
fn signals_arrive_and_an_interrupted_call_is_one_call() {
    let pair = Pair::new(
        "peer, _ = listener.accept()
told = []
for number in (signal.SIGALRM, signal.SIGRTMIN, signal.SIGUSR1):
    signal.signal(number, lambda number, _: told.append(number))
os.kill(os.getpid(), signal.SIGRTMIN)
os.kill(os.getpid(), signal.SIGUSR1)
signal.setitimer(signal.ITIMER_REAL, 0.05)
peer.sendall(b'go')
print(peer.recv(100), len(told))
",
        "peer.recv(2)\ntime.sleep(0.3)\npeer.sendall(b'late')\n",
    );
    let (output, journal) = pair.run();
    assert!(stdout(&output).contains("b'late' 3\n"), "{output:?}");
    assert_tied(&journal);
    let outcomes = calls(&journal)
        .filter(|call| call.name == "recvfrom" && call.arguments[0] == "100")
        .map(|call| call.outcome.clone());
    assert_eq!(outcomes.collect::<Vec<_>>(), [Outcome::Value(4)]);
}

#[test]
fn datagrams_are_tied() {
    let pair = Pair::new("", "");
    fs::write(
        pair.folder.path().join("server.py"),
        "import socket
udp = socket.socket(type=socket.SOCK_DGRAM)
udp.bind(('127.0.0.1', 9001))
for _ in range(3):
    text, other = udp.recvfrom(100)
    udp.sendto(text.upper(), other)
",
    )
    .expect("a program");
    fs::write(
        pair.folder.path().join("client.py"),
        "import socket
udp = socket.socket(type=socket.SOCK_DGRAM)
for text in (b'one', b'', b'three'): udp.sendto(text, ('127.0.0.1', 9001))
for _ in range(3): udp.recvfrom(100)
",
    )
    .expect("a program");
    let (output, journal) = pair.run();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(assert_tied(&journal).len(), 2 * "onethree".len());
    let untied = calls(&journal)
        .filter_map(|call| call.data.as_ref())
        .filter(|data| !data.sent && data.from.len() != 1);
    assert_eq!(untied.count(), 0);
    if saw_the_wire(&journal) {
        let mut origins: Vec<_> = segments(&journal)
            .iter()
            .map(|segment| segment.call)
            .collect();
        origins.dedup();
        assert_eq!(origins.len(), 6);
        assert!(origins.iter().all(Option::is_some), "{origins:?}");
    }
}

#[test]
fn ipv6_and_icmp_are_on_the_wire() {
    let pair = Pair::new("", "");
    let server = "import socket
listener = socket.create_server(('::1', 9000), family=socket.AF_INET6)
peer, _ = listener.accept()
peer.sendall(peer.recv(9).upper())
";
    // Nobody has UDP's port 9001 on either address.
    let client = "import socket
peer = socket.create_connection(('::1', 9000))
peer.sendall(b'hello')
assert peer.recv(9) == b'HELLO'
for family, host in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):
    datagrams = socket.socket(family, socket.SOCK_DGRAM)
    datagrams.connect((host, 9001))
    datagrams.send(b'anybody?')
    try: datagrams.recv(9)
    except ConnectionRefusedError: pass
    else: raise SystemExit(1)
";
    for (name, text) in [("server.py", server), ("client.py", client)] {
        fs::write(pair.folder.path().join(name), text).expect("a program");
    }
    let (output, journal) = pair.run();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(assert_tied(&journal).len(), 10);
    if saw_the_wire(&journal) {
        let all = segments(&journal);
        let carried = all.iter().filter(|it| it.length > 0 && it.from.is_ipv6());
        let calls = carried.filter(|it| it.call.is_some()).count();
        assert_eq!(calls, 3, "two of TCP and one of UDP: {all:?}");
        assert_eq!(all.iter().filter(|it| it.unreachable).count(), 2);
        let shown = stdout(&output);
        assert!(shown.contains("ICMP: unreachable"), "{shown}");
    }
}

#[test]
fn programs_that_will_not_end_are_ended() {
    let pair = Pair::new(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        for _ in range(40): threading.Thread(target=time.sleep, args=(600,)).start()
        while True: time.sleep(600)
if os.fork() == 0:
    for _ in range(5): threading.Thread(target=time.sleep, args=(600,)).start()
    os.execvp('sh', ['sh', '-c', 'trap \"\" TERM; exec sleep 600'])
peer, _ = listener.accept()
os.closerange(3, 100)
os.kill(os.getpid(), signal.SIGSEGV)
",
        "peer.recv(1)\nos.kill(os.getpid(), signal.SIGABRT)\n",
    );
    let (output, journal) = pair.run();
    assert_eq!(output.status.code(), Some(128 + 6), "{output:?}");
    assert!(journal.processes.len() >= 8);
    assert_all_ended(&journal);
}

#[test]
fn ctrl_c_ends_the_run_and_the_picture_is_drawn() {
    let pair = Pair::new(
        "peer, _ = listener.accept()\nprint('ready', flush=True)\ntime.sleep(600)\n",
        "peer.recv(1)\n",
    );
    let mut running = pair
        .command()
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("it starts");
    let mut shown = BufReader::new(running.stdout.take().expect("a pipe"));
    let mut line = String::new();
    shown.read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    // As the terminal does: every process of the group gets it.
    let group = rustix::process::Pid::from_child(&running);
    rustix::process::kill_process_group(group, rustix::process::Signal::INT).expect("it is there");
    let mut picture = String::new();
    shown.read_to_string(&mut picture).expect("text");
    assert_eq!(running.wait().expect("it ends").code(), Some(130));
    assert!(picture.contains("accept = :"), "{picture}");
    assert_all_ended(&journal(pair.folder.path()));
}

#[test]
fn a_program_that_cannot_start_and_a_server_that_never_listens_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = trace(folder.path())
        .args(["--server", "/no/such/program", "--client", "true"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("cannot start /no/such/program"), "{errors}");
    assert!(
        errors.contains("the server ended before a client could come"),
        "{errors}"
    );

    let output = trace(folder.path())
        .arg("--server=true")
        .output()
        .expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        errors.contains("give both --server and --client"),
        "{errors}"
    );
}

#[test]
fn in_the_machines_network_there_are_calls_and_a_note() {
    let pair = Pair::new(
        "peer, _ = listener.accept()\npeer.sendall(b'x')\n",
        "peer.recv(1)\n",
    );
    // Another test run may use the port: this one takes any that is free.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let port = free.expect("a free port").port().to_string();
    for name in ["server.py", "client.py"] {
        let file = pair.folder.path().join(name);
        let text = fs::read_to_string(&file).expect("a program");
        fs::write(&file, text.replace("9000", &port)).expect("a program");
    }
    let output = pair
        .command()
        .arg("--shared-network")
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let journal = journal(pair.folder.path());
    assert_eq!(assert_tied(&journal), b"x");
    assert!(segments(&journal).is_empty());
    assert!(stdout(&output).contains("Note: calls alone, no segments"));
}
