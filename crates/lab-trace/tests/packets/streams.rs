//! Runs, their packets and their pictures are compared with tshark's reading.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use lab_core::catalog::{Catalog, Roles};
use lab_journal::{Call, Data, Event, Journal, Segment, Transport};
use libtest_mimic::{Arguments, Trial};
use tempfile::TempDir;

use super::tshark::{self, Packet, Reading, from_hex};

const SYN: u16 = 2;
const FIN: u16 = 1;
const RST: u16 = 4;
const ACK: u16 = 16;

/// A recorded run.
struct Run {
    journal: Journal,
    picture: String,
    reading: Reading,
}

fn calls(journal: &Journal) -> impl Iterator<Item = &Call> {
    let entries = journal.entries.iter();
    entries.filter_map(|entry| match &entry.event {
        Event::Call(call) => Some(call),
        _ => None,
    })
}

fn segments(journal: &Journal) -> Vec<&Segment> {
    let entries = journal.entries.iter();
    let all = entries.filter_map(|entry| match &entry.event {
        Event::Segment(segment) => Some(segment),
        _ => None,
    });
    all.collect()
}

/// Runs the command with these words, and lets tshark read its packets.
fn run(words: &[&str]) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    let numbers: String = (1..=100).map(|number| format!("{number}\n")).collect();
    fs::write(file("keys"), numbers).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab-trace"));
    command
        .arg("trace")
        .args(words)
        .stdin(File::open(file("keys")).expect("the file"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for name in ["run.json", "run.txt", "run.pcapng"] {
        command.arg("--out").arg(file(name));
    }
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{words:?}: {output:?}");
    let text = |name: &str| fs::read_to_string(file(name)).expect("a file");
    let journal = Journal::from_json(&text("run.json")).expect("a journal");
    assert_eq!(journal.left_out, 0);
    let connections = segments(&journal)
        .iter()
        .filter(|segment| segment.syn && !segment.ack)
        .count();
    let reading = tshark::read(&file("run.pcapng"), connections);
    Run {
        journal,
        picture: text("run.txt"),
        reading,
    }
}

/// Two programs in Python.
fn pair(server: &str, client: &str, options: &[&str]) -> Run {
    let folder = TempDir::new().expect("a folder");
    let program = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, format!("import socket, struct\n{text}")).expect("a program");
        format!("python3 {}", path.display())
    };
    let (server, client) = (program("server.py", server), program("client.py", client));
    run(&[&["--server", &server, "--client", &client], options].concat())
}

/// The file is sound: each packet of the journal once, in its order and with its bytes, at a time
/// that is not before the last one's.
fn assert_packets(run: &Run) {
    let all = segments(&run.journal);
    let packets = &run.reading.packets;
    assert_eq!(packets.len(), all.len());
    let mut last = 0.0;
    for (packet, segment) in packets.iter().zip(all) {
        assert_eq!(packet.field("_ws.malformed"), "", "{segment:?}");
        assert!(!packet.field("frame.comment").is_empty(), "{segment:?}");
        let at: f64 = packet.field("frame.time_epoch").parse().expect("a time");
        assert!(at >= last, "{at} after {last}");
        last = at;
        if segment.unreachable {
            assert!(packet.is_icmp(), "{segment:?}");
            continue;
        }
        assert_eq!(packet.ends(), (segment.from, segment.to));
        assert_eq!(packet.length() as u64, segment.length, "{segment:?}");
        match segment.transport {
            Transport::Udp => {
                let bytes = from_hex(packet.field("udp.payload"));
                assert!(bytes.starts_with(&segment.bytes), "{segment:?}");
            }
            Transport::Tcp => {
                let flags = [SYN, ACK, FIN, RST].map(|bit| packet.flag(bit));
                let own = [segment.syn, segment.ack, segment.fin, segment.rst];
                assert_eq!(flags, own, "{segment:?}");
            }
        }
    }
}

/// Each stream is what the calls sent on it. Gives how many bytes that were.
fn assert_streams(run: &Run) -> usize {
    let journal = &run.journal;
    let lost = run.reading.packets.iter();
    let lost = lost.filter(|packet| !packet.field("tcp.analysis.lost_segment").is_empty());
    assert_eq!(lost.count(), 0, "no segment is missing");
    let mut sent: BTreeMap<_, Vec<&Data>> = BTreeMap::new();
    for call in calls(journal) {
        let Some(data) = call
            .data
            .as_ref()
            .filter(|data| data.sent && data.length > 0)
        else {
            continue;
        };
        let socket = &journal.sockets[call.socket.expect("a socket")];
        if socket.transport == Transport::Tcp {
            let ends = socket.local.zip(socket.peer).expect("addresses");
            sent.entry(ends).or_default().push(data);
        }
    }
    let mut count = 0;
    let mut seen = 0;
    for stream in &run.reading.streams {
        let nodes: Vec<SocketAddr> = stream.keys().copied().collect();
        for (from, to) in [(nodes[0], nodes[1]), (nodes[1], nodes[0])] {
            let carried = &stream[&from];
            let mut length = 0;
            let sends = sent.get(&(from, to));
            seen += usize::from(sends.is_some());
            for data in sends.into_iter().flatten() {
                let at = usize::try_from(data.offset).expect("a short stream");
                let kept = &carried[at..at + data.bytes.len()];
                assert_eq!(kept, data.bytes, "{from} at {at}");
                length = length.max(at + usize::try_from(data.length).expect("a short send"));
            }
            assert_eq!(carried.len(), length, "from {from} to {to}");
            count += length;
        }
    }
    assert_eq!(seen, sent.len(), "each stream is in the file");
    count
}

/// What the picture shows of a packet, and whether it goes to the server; nothing of a bare
/// acknowledgment.
fn drawn(packet: &Packet, servers: &[SocketAddr]) -> Option<(bool, String)> {
    if packet.is_icmp() {
        return Some((false, "ICMP: unreachable".to_string()));
    }
    let (_, to) = packet.ends();
    let text = match packet.length() {
        0 if packet.flag(SYN) && packet.flag(ACK) => "SYN,ACK".to_string(),
        0 if packet.flag(SYN) => "SYN".to_string(),
        0 if packet.flag(RST) => "RST".to_string(),
        0 if packet.flag(FIN) => "FIN".to_string(),
        0 if packet.is_tcp() => return None,
        1 => "1 byte".to_string(),
        length => format!("{length} bytes"),
    };
    Some((servers.contains(&to), text))
}

/// The picture's arrows are the packets, in their order.
fn assert_order(run: &Run) {
    let packets = &run.reading.packets;
    let mut servers = Vec::new();
    for packet in packets.iter().filter(|packet| !packet.is_icmp()) {
        let (from, to) = packet.ends();
        let opens = match packet.is_tcp() {
            true => packet.flag(SYN) && !packet.flag(ACK),
            false => !servers.contains(&from),
        };
        if opens && !servers.contains(&to) {
            servers.push(to);
        }
    }
    let wanted: Vec<_> = packets
        .iter()
        .filter_map(|packet| drawn(packet, &servers))
        .collect();
    let arrows = run
        .picture
        .lines()
        .filter(|line| (line.contains('◀') || line.contains('▶')) && line.contains('─'));
    let shown: Vec<_> = arrows
        .map(|line| {
            let rest = line.trim_start_matches(|letter: char| !"◀─".contains(letter));
            let text = rest.trim_start_matches(['◀', '─', ' ']);
            let text = text.split(['─', '▶', '"']).next().expect("a text");
            let text = text.trim().trim_end_matches(",FIN");
            (line.contains('◀'), text.to_string())
        })
        .collect();
    if run.picture.contains('⋮') {
        // Lines that repeat are folded: the others are still in this order.
        let mut rest = wanted.iter();
        let in_order = shown.iter().all(|arrow| rest.any(|other| other == arrow));
        assert!(in_order && shown.len() > 5, "{}", run.picture);
    } else {
        assert_eq!(shown, wanted, "{}", run.picture);
    }
}

fn tcp_udp_and_a_refusal() {
    let run = pair(
        "listener = socket.create_server(('127.0.0.1', 9000))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(('127.0.0.1', 9000))
for _ in range(2):
    peer, _ = listener.accept()
    while data := peer.recv(50): peer.sendall(data.swapcase())
    peer.close()
data, client = udp.recvfrom(100)
udp.sendto(data * 2, client)
",
        "for times in (1, 50):
    peer = socket.create_connection(('127.0.0.1', 9000))
    for number in range(20): peer.sendall(bytes([65 + number]) * (number * times + 1))
    peer.shutdown(socket.SHUT_WR)
    while peer.recv(4096): pass
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.sendto(b'hello', ('127.0.0.1', 9000))
udp.recv(100)
udp.sendto(b'nobody', ('127.0.0.1', 9001))
",
        &[],
    );
    assert_packets(&run);
    // What the programs were given, and the same in small letters on the way back.
    let sent = |times: usize| -> Vec<u8> {
        let pieces = (0..20_u8).map(|number| vec![65 + number; usize::from(number) * times + 1]);
        pieces.flatten().collect()
    };
    assert_eq!(run.reading.streams.len(), 2);
    for (stream, times) in run.reading.streams.iter().rev().zip([1, 50]) {
        for (from, carried) in stream {
            match from.port() {
                9000 => assert_eq!(*carried, sent(times).to_ascii_lowercase()),
                _ => assert_eq!(*carried, sent(times)),
            }
        }
    }
    let lengths = [1, 50].map(|times| sent(times).len());
    assert_eq!(assert_streams(&run), 2 * lengths.iter().sum::<usize>());
    let icmp = run.reading.packets.iter().filter(|packet| packet.is_icmp());
    assert_eq!(icmp.count(), 1);
}

fn ipv6_and_a_reset() {
    let run = pair(
        "listener = socket.create_server(('::1', 9000), family=socket.AF_INET6)
peer, _ = listener.accept()
peer.sendall(peer.recv(9))
peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
peer.close()
",
        "peer = socket.create_connection(('::1', 9000))
peer.sendall(b'hello')
try:
    while peer.recv(9): pass
except ConnectionResetError: pass
",
        &[],
    );
    assert_packets(&run);
    assert_order(&run);
    assert_eq!(assert_streams(&run), 10);
    assert!(run.reading.packets.iter().any(|packet| packet.flag(RST)));
}

/// With a fault the packets of two networks are in one file: each direction as it arrived.
fn faults() {
    for option in [&["--cut", "3"], &["--delay", "20ms"], &["--reset", "7"]] {
        let run = pair(
            "listener = socket.create_server(('127.0.0.1', 9000))
peer, _ = listener.accept()
try:
    while data := peer.recv(50): peer.sendall(data)
except OSError: pass
",
            "peer = socket.create_connection(('127.0.0.1', 9000))
try:
    peer.sendall(b'hello, world')
    peer.shutdown(socket.SHUT_WR)
    while peer.recv(50): pass
except OSError: pass
",
            option,
        );
        assert_packets(&run);
        assert_order(&run);
    }
}

fn every_exercise_in_rust() {
    every_exercise_in("rust");
}

fn every_exercise_in_python() {
    every_exercise_in("python");
}

fn every_exercise_in(language: &str) {
    let catalog = Catalog::read().expect("the catalog");
    let pairs: Vec<&str> = catalog
        .exercises()
        .filter(|exercise| matches!(exercise.roles(), Ok(Roles::Pair(..))))
        .map(|exercise| exercise.id.as_str())
        .collect();
    assert!(pairs.len() >= 10, "{pairs:?}");
    for exercise in pairs {
        let run = run(&[exercise, "--server", language, "--client", language]);
        assert_packets(&run);
        assert_streams(&run);
        assert_order(&run);
    }
}

/// Why these tests cannot run here.
fn missing() -> Option<&'static str> {
    let tshark = Command::new("tshark").arg("--version").output();
    if !tshark.is_ok_and(|output| output.status.success()) {
        return Some("tshark is not installed");
    }
    (!lab_netns::possible()).then_some("unshare makes no network for this user")
}

/// Runs what is asked for.
pub fn run_all() {
    let mut args = Arguments::from_args();
    let asked = args.ignored || args.include_ignored;
    // From here on `ignored` means that a test was not asked for, or cannot run.
    args.ignored = false;
    args.include_ignored = false;
    let why = match asked {
        true => missing(),
        false => Some("needs tshark: .ci/run traces"),
    };
    let tests: [(&str, fn()); 5] = [
        ("tcp_udp_and_a_refusal", tcp_udp_and_a_refusal),
        ("ipv6_and_a_reset", ipv6_and_a_reset),
        ("faults", faults),
        ("every_exercise_in_rust", every_exercise_in_rust),
        ("every_exercise_in_python", every_exercise_in_python),
    ];
    let trial = |(name, test): (&str, fn())| {
        let trial = Trial::test(name, move || {
            test();
            Ok(())
        });
        trial
            .with_ignored_flag(why.is_some())
            .with_kind(why.unwrap_or_default())
    };
    let trials = tests.into_iter().map(trial).collect();
    libtest_mimic::run(&args, trials).exit();
}
