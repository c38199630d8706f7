//! Faults on the way, several clients, and a program alone.

use std::process::Output;

use lab_journal::{Call, Journal, Outcome};

use crate::{Pair, assert_tied, calls, journal, saw_the_wire, segments, stdout};

/// Runs the pair with these options. `None` where the system forbids networks of the run's own.
fn run(pair: &Pair, options: &[&str]) -> Option<(Output, Journal)> {
    let output = pair.command().args(options).output().expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("faults need networks of the run's own") {
        return None;
    }
    Some((output, journal(pair.folder.path())))
}

/// How many bytes each recv got that got any.
fn received(journal: &Journal) -> Vec<u64> {
    let received = calls(journal).filter_map(|call| call.data.as_ref());
    received
        .filter(|data| !data.sent && data.length > 0)
        .map(|data| data.length)
        .collect()
}

fn failed_with(journal: &Journal, name: &str) -> bool {
    let failed = |call: &Call| call.outcome == Outcome::Error(name.to_string());
    calls(journal).any(failed)
}

#[test]
fn a_cut_stream_arrives_in_pieces() {
    let pair = Pair::new(
        "peer, _ = listener.accept()\nwhile peer.recv(1024): pass\n",
        "peer.sendall(b'hello, world')\npeer.shutdown(socket.SHUT_WR)\npeer.recv(1)\n",
    );
    let Some((output, journal)) = run(&pair, &["--cut", "5"]) else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    assert_eq!(received(&journal), [5, 5, 2]);
    assert_eq!(assert_tied(&journal), b"hello, world");
    // The receive that took a part, and of how much. The column is narrow: two lines.
    let picture = stdout(&output);
    let words: Vec<&str> = picture.split_whitespace().collect();
    let part = "recv(1024) = 5 of 12 \"hello\"";
    assert!(words.join(" ").contains(part), "{picture}");
}

#[test]
fn a_joined_stream_arrives_in_one_piece() {
    let pair = Pair::new(
        "peer, _ = listener.accept()\npeer.recv(1024)\npeer.sendall(b'x')\n",
        "peer.sendall(b'a')\npeer.sendall(b'b')\npeer.sendall(b'c')\npeer.recv(1)\n",
    );
    let Some((output, journal)) = run(&pair, &["--join"]) else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    // Which recv began first is left open.
    let mut received = received(&journal);
    received.sort_unstable();
    assert_eq!(received, [1, 3]);
    assert_eq!(assert_tied(&journal).len(), 4);
    assert!(stdout(&output).contains("of 3 sends"));
}

#[test]
fn what_is_delayed_arrives_later() {
    let pair = Pair::new(
        "peer, _ = listener.accept()\npeer.recv(1024)\n",
        "peer.sendall(b'a')\npeer.recv(1)\n",
    );
    let Some((output, journal)) = run(&pair, &["--delay", "150ms"]) else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    let of = |sent: bool| {
        let mut entries = journal.entries.iter();
        entries.find_map(|entry| match &entry.event {
            lab_journal::Event::Call(call) => {
                let data = call.data.as_ref()?;
                (data.sent == sent && data.length > 0).then_some((entry.at, call.ended))
            }
            _ => None,
        })
    };
    let (sent, _) = of(true).expect("a send");
    let (_, taken) = of(false).expect("a recv");
    assert!(taken.expect("it ended") >= sent + 150_000);
}

#[test]
fn a_connection_is_reset_after_so_many_bytes() {
    let pair = Pair::new(
        "peer, _ = listener.accept()\ntry:\n    while peer.recv(1024): pass\nexcept OSError: pass\n",
        "peer.sendall(b'hello')\ntry:\n    peer.recv(1)\nexcept OSError: print('reset')\n",
    );
    let Some((output, journal)) = run(&pair, &["--reset", "3"]) else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    assert_eq!(received(&journal), [3]);
    assert!(failed_with(&journal, "ECONNRESET"));
    assert!(stdout(&output).contains("reset"));
}

/// A server that prints each datagram and answers the one that says `end`.
const DATAGRAMS: &str = "datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(('127.0.0.1', 9001))
while True:
    data, peer = datagrams.recvfrom(1024)
    print(data.decode(), flush=True)
    if data == b'end': datagrams.sendto(b'done', peer); break
";

/// A client that sends three datagrams, and `end` until it is answered.
const SENDER: &str = "datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.connect(('127.0.0.1', 9001))
for data in (b'one', b'two', b'three'): datagrams.send(data)
datagrams.settimeout(0.5)
for _ in range(20):
    datagrams.send(b'end')
    try: datagrams.recv(1024); break
    except TimeoutError: pass
";

/// What the server printed, in its order.
fn printed(options: &[&str]) -> Option<(Vec<String>, Journal)> {
    let pair = Pair::new("", "");
    let imports = "import socket\n";
    for (name, body) in [("server.py", DATAGRAMS), ("client.py", SENDER)] {
        let path = pair.folder.path().join(name);
        std::fs::write(path, format!("{imports}{body}")).expect("a program");
    }
    let (output, journal) = run(&pair, options)?;
    assert!(output.status.success(), "{output:?}");
    let text = stdout(&output);
    // The programs' own output comes before the picture.
    let lines = text.lines().take_while(|line| !line.contains("ms server"));
    Some((lines.map(str::to_string).collect(), journal))
}

#[test]
fn datagrams_are_lost_doubled_and_overtaken() {
    let Some((lines, journal)) = printed(&["--drop", "2"]) else {
        return;
    };
    assert_eq!(lines, ["one", "three", "end"]);
    let lost: Vec<_> = segments(&journal)
        .into_iter()
        .filter(|segment| segment.lost)
        .map(|segment| segment.bytes.clone())
        .collect();
    assert_eq!(lost, [b"two"]);
    let (lines, journal) = printed(&["--duplicate", "1"]).expect("as before");
    assert_eq!(lines, ["one", "one", "two", "three", "end"]);
    assert!(segments(&journal).iter().all(|segment| !segment.lost));
    // Both copies come from the one send.
    assert_tied(&journal);
    let (lines, _) = printed(&["--reorder", "1"]).expect("as before");
    assert_eq!(lines, ["two", "one", "three", "end"]);
}

#[test]
fn several_clients_are_one_picture() {
    let pair = Pair::new(
        "for _ in range(3):\n    peer, _ = listener.accept()\n    peer.sendall(peer.recv(9))\n",
        "peer.sendall(b'hello')\nassert peer.recv(9) == b'hello'\n",
    );
    let output = pair.command().args(["--clients", "3"]).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let journal = journal(pair.folder.path());
    assert_eq!(assert_tied(&journal).len(), 30);
    assert!(stdout(&output).contains("#3 connect"));
    if saw_the_wire(&journal) {
        let carried = segments(&journal);
        assert_eq!(carried.iter().filter(|it| it.length > 0).count(), 6);
    }
}

#[test]
fn a_program_may_run_alone() {
    let pair = Pair::new("", "print(listener.getsockname()[1])\nsys.exit(7)\n");
    let folder = pair.folder.path();
    let path = folder.join("alone.py");
    std::fs::write(
        &path,
        "import socket, sys\nlistener = socket.create_server(('127.0.0.1', 0))\nsys.exit(7)\n",
    )
    .expect("a program");
    let program = format!("python3 {}", path.display());
    let output = crate::trace(folder).args(["--program", &program]).output();
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert!(stdout(&output).contains("listen"), "{output:?}");
}

#[test]
fn values_without_sense_are_told_before_anything_runs() {
    let pair = Pair::new("print('server')\n", "print('client')\n");
    for (options, says) in [
        (&["--cut", "0"][..], "nothing would ever arrive"),
        (&["--drop", "0"], "counted from 1"),
        (&["--clients", "0"], "nobody would come"),
        (&["--delay", "1h"], "50ms"),
        (&["--program", "true"], "a program that runs alone"),
        (
            &["--join", "--shared-network"],
            "leave out --shared-network",
        ),
    ] {
        let output = pair.command().args(options).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{options:?}: {output:?}");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(errors.contains(says), "{options:?}: {errors}");
        assert_eq!(stdout(&output), "", "{options:?}");
    }
}

#[test]
fn a_reset_that_a_program_makes_reaches_the_other() {
    // The server closes with bytes unread, so its system resets the connection.
    let pair = Pair::new(
        "peer, _ = listener.accept()\npeer.recv(2)\npeer.close()\n",
        "peer.sendall(b'hello, world')\ntry:\n    while peer.recv(9): pass\n    print('end')\nexcept ConnectionResetError: print('reset')\n",
    );
    let Some((output, _)) = run(&pair, &["--delay", "1ms"]) else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    assert!(stdout(&output).starts_with("reset"), "{output:?}");
}

#[test]
fn a_server_on_ipv6_and_ipv4_is_reached() {
    let pair = Pair::new(
        "listener.close()
listener = socket.create_server(('::', 9000), family=socket.AF_INET6, dualstack_ipv6=True)
peer, _ = listener.accept()
peer.sendall(peer.recv(9))
",
        "",
    );
    let path = pair.folder.path().join("client.py");
    // The first listener has gone when a client comes: it tries until it meets the second.
    let client = "import socket
for _ in range(1000):
    try:
        peer = socket.create_connection(('127.0.0.1', 9000))
        peer.sendall(b'hello')
        if peer.recv(9) == b'hello': break
    except OSError: pass
else: raise SystemExit(1)
";
    std::fs::write(path, client).expect("a program");
    let server = pair.folder.path().join("server.py");
    let text = std::fs::read_to_string(&server).expect("a program");
    // Without the listener on IPv4 that other tests begin with.
    let text = text.replace("listener = socket.create_server(('127.0.0.1', 9000))\n", "");
    std::fs::write(server, text.replace("listener.close()\n", "")).expect("a program");
    let Some((output, _)) = run(&pair, &["--cut", "2"]) else {
        return;
    };
    let pieces = stdout(&output).contains("recv(9) = 2 of 5 \"he\"");
    assert!(pieces, "{output:?}");
}

#[test]
fn datagrams_that_are_sent_together_are_delayed_together() {
    let Some((lines, journal)) = printed(&["--delay", "400"]) else {
        return;
    };
    assert_eq!(lines[..3], ["one", "two", "three"]);
    let at = |sent: bool| {
        let mut entries = journal
            .entries
            .iter()
            .filter_map(|entry| match &entry.event {
                lab_journal::Event::Call(call) => {
                    let data = call.data.as_ref()?;
                    (data.sent == sent && data.bytes == b"three").then_some((entry.at, call.ended))
                }
                _ => None,
            });
        entries.next_back().expect("the third datagram")
    };
    let (sent, (_, taken)) = (at(true).0, at(false));
    // One after the other they would take three times 0.4 s.
    let took = taken.expect("it ended") - sent;
    assert!((400_000..1_200_000).contains(&took), "{took}");
}

#[test]
fn a_late_refusal_names_the_send_that_was_refused() {
    let pair = Pair::new(
        "peer, _ = listener.accept()\npeer.recv(1)\n",
        "udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.connect(('127.0.0.1', 9001))
udp.send(b'first')
try: udp.send(b'second')
except ConnectionRefusedError: pass
udp.send(b'third')
try: udp.recv(10)
except ConnectionRefusedError: pass
",
    );
    let (output, _) = pair.run();
    let shown = stdout(&output);
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for told in [
        "= ECONNREFUSED, of send 5 \"first\"",
        "= ECONNREFUSED, of send 5 \"third\"",
    ] {
        assert!(words.contains(told), "{told} is not in {shown}");
    }
}

#[test]
fn an_address_that_a_server_gets_after_its_first_client_came_is_reached() {
    let pair = Pair::new(
        "peer, _ = listener.accept()
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(('127.0.0.1', 9001))
second = socket.create_server(('127.0.0.1', 9002))
peer.sendall(b'ready')
data, client = datagrams.recvfrom(9)
datagrams.sendto(data, client)
other, _ = second.accept()
other.sendall(b'one two')
",
        "peer.recv(5, socket.MSG_WAITALL)
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.sendto(b'hello', ('127.0.0.1', 9001))
print(datagrams.recv(9))
print(socket.create_connection(('127.0.0.1', 9002)).recv(3))
",
    );
    let Some((output, _)) = run(&pair, &["--cut", "3"]) else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    let shown = stdout(&output);
    assert!(shown.contains("b'hello'\nb'one'\n"), "{shown}");
}

#[test]
fn a_wait_for_a_socket_without_a_peer_is_recorded_wherever_its_list_is_in_memory() {
    let pair = Pair::new("", "");
    let folder = pair.folder.path();
    // With a limit Python polls before it receives. Where the list is in memory is chance, so there
    // are several clients.
    let head = "import socket
udp = socket.socket(type=socket.SOCK_DGRAM)
udp.settimeout(10)
";
    let server = "udp.bind(('127.0.0.1', 9001))
for _ in range(6): udp.sendto(b'x', udp.recvfrom(9)[1])
";
    let client = "udp.sendto(b'hi', ('127.0.0.1', 9001))\nudp.recvfrom(9)\n";
    for (name, body) in [("server.py", server), ("client.py", client)] {
        std::fs::write(folder.join(name), format!("{head}{body}")).expect("a program");
    }
    let Some((output, journal)) = run(&pair, &["--clients", "6"]) else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    assert_eq!(received(&journal).len(), 12);
}
