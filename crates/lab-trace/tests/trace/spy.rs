//! The relay alone: `cargo lab spy`.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;
use std::time::Duration;

use lab_journal::Journal;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{assert_tied, segments};

/// Long enough on a busy machine.
const WITHIN: Option<Duration> = Some(Duration::from_secs(30));

/// A spy that runs, and where its clients come.
struct Spy {
    running: Child,
    errors: BufReader<ChildStderr>,
    address: SocketAddr,
    folder: TempDir,
}

impl Spy {
    fn before(server: SocketAddr, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut running = Command::new(env!("CARGO_BIN_EXE_lab-trace"))
            .args(["spy", "127.0.0.1:0", &server.to_string()])
            .args(options)
            .args(["--width", "100"])
            .arg("--out")
            .arg(folder.path().join("run.json"))
            .arg("--out")
            .arg(folder.path().join("run.html"))
            .env("LC_ALL", "C.UTF-8")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut errors = BufReader::new(running.stderr.take().expect("a pipe"));
        let mut line = String::new();
        errors.read_line(&mut line).expect("a line");
        let address = line
            .strip_prefix("listening on ")
            .and_then(|rest| rest.split(' ').next())
            .and_then(|address| address.parse().ok());
        Spy {
            running,
            errors,
            address: address.unwrap_or_else(|| panic!("{line:?}")),
            folder,
        }
    }

    /// Ctrl-C. Gives what it showed and wrote.
    fn end(mut self) -> (String, Journal) {
        kill_process(Pid::from_child(&self.running), Signal::INT).expect("it runs");
        let mut shown = String::new();
        let mut stdout = self.running.stdout.take().expect("a pipe");
        stdout.read_to_string(&mut shown).expect("text");
        let mut errors = String::new();
        self.errors.read_to_string(&mut errors).expect("text");
        assert_eq!(errors, "");
        assert_eq!(self.running.wait().expect("it ends").code(), Some(0));
        let folder = self.folder.path();
        let page = fs::read_to_string(folder.join("run.html")).expect("a page");
        assert!(page.contains("In the relay"));
        (shown, crate::journal(folder))
    }
}

/// A server that echoes to one client after the other.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for peer in listener.incoming() {
            let mut peer = peer.expect("a client");
            let mut bytes = Vec::new();
            // A client that breaks off ends its own connection alone.
            if peer.read_to_end(&mut bytes).is_ok() {
                peer.write_all(&bytes).expect("it is sent");
            }
        }
    });
    address
}

/// Sends, and gives what comes back.
fn ask(address: SocketAddr, text: &[u8]) -> Vec<u8> {
    let mut peer = TcpStream::connect(address).expect("it listens");
    peer.set_read_timeout(WITHIN).expect("a limit");
    peer.write_all(text).expect("it is sent");
    peer.shutdown(Shutdown::Write).expect("it is told");
    let mut bytes = Vec::new();
    peer.read_to_end(&mut bytes).expect("an answer");
    bytes
}

/// A line without the times and the port that the system chose.
fn has(shown: &str, words: &str) -> bool {
    shown.lines().any(|line| line.contains(words))
}

#[test]
fn a_connection_is_shown_as_it_passes_and_cut() {
    let spy = Spy::before(echo(), &["--cut", "2"]);
    assert_eq!(ask(spy.address, b"hello"), b"hello");
    assert_eq!(ask(spy.address, b"you"), b"you");
    let (shown, journal) = spy.end();
    for words in [
        "connects",
        "is reached",
        "sends 5 \"hello\"",
        "2 bytes \"he\"",
        "1 byte \"o\"",
        "FIN",
        "#2 connects",
        "#2 sends 3 \"you\"",
    ] {
        assert!(has(&shown, words), "{words}:\n{shown}");
    }
    // Its order is that of the conversation.
    let place = |words: &str| shown.find(words).expect("it is shown");
    assert!(place("sends 5") < place("\"he\""));
    assert!(place("\"he\"") < place("\"ll\""));
    assert!(place("\"ll\"") < place("\"o\""));
    let all = segments(&journal);
    let server = all[0].to;
    let to_server = all.iter().filter(|it| it.to == server && it.length > 0);
    let lengths: Vec<u64> = to_server.map(|it| it.length).collect();
    assert_eq!(lengths, [2, 2, 1, 2, 1]);
    for segment in all.iter().filter(|segment| segment.length > 0) {
        let call = journal
            .call(segment.call.expect("its send"))
            .expect("a call");
        let sent = call.data.as_ref().expect("bytes");
        let offset = usize::try_from(segment.offset.expect("an offset")).expect("a small one");
        assert_eq!(&sent.bytes[offset..][..segment.bytes.len()], &segment.bytes);
    }
    assert_eq!(assert_tied(&journal), b"");
}

#[test]
fn datagrams_are_shown_and_lost() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = server.local_addr().expect("an address");
    thread::spawn(move || {
        let mut buffer = [0; 99];
        while let Ok((length, peer)) = server.recv_from(&mut buffer) {
            // A client that has gone needs no answer.
            let _ = server.send_to(&buffer[..length], peer);
        }
    });
    let spy = Spy::before(address, &["--drop", "1"]);
    let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    client.connect(spy.address).expect("an address");
    client.set_read_timeout(WITHIN).expect("a limit");
    // Each direction loses its first: `one` on the way there, `two` on the way back.
    for text in ["one", "two", "three"] {
        client.send(text.as_bytes()).expect("it is sent");
    }
    let mut buffer = [0; 99];
    let length = client.recv(&mut buffer).expect("an answer");
    assert_eq!(&buffer[..length], b"three");
    let (shown, journal) = spy.end();
    assert!(has(&shown, "3 bytes lost \"one\""), "{shown}");
    assert!(has(&shown, "3 bytes lost \"two\""), "{shown}");
    let lost = segments(&journal)
        .into_iter()
        .filter(|segment| segment.lost);
    assert_eq!(lost.count(), 2);
    assert!(
        segments(&journal)
            .iter()
            .all(|segment| segment.call.is_some())
    );
}

#[test]
fn a_server_that_is_not_there_and_a_reset_are_shown() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let spy = Spy::before(free.expect("a port"), &[]);
    let mut peer = TcpStream::connect(spy.address).expect("it listens");
    peer.set_read_timeout(WITHIN).expect("a limit");
    let error = peer.read(&mut [0]).expect_err("no server");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let (shown, _) = spy.end();
    assert!(has(&shown, "nobody listens"), "{shown}");

    let spy = Spy::before(echo(), &["--reset", "3"]);
    let mut peer = TcpStream::connect(spy.address).expect("it listens");
    peer.set_read_timeout(WITHIN).expect("a limit");
    peer.write_all(b"hello").expect("it is sent");
    peer.read(&mut [0]).expect_err("a reset");
    let (shown, journal) = spy.end();
    assert!(has(&shown, "3 bytes \"hel\""), "{shown}");
    let all = segments(&journal);
    assert_eq!(all.iter().filter(|segment| segment.rst).count(), 2);
}

#[test]
fn what_makes_no_sense_is_told_at_once() {
    for (words, says) in [
        (&["9000"][..], "server"),
        (&["nine", "9001"], "is not an address with a port"),
        (
            &["127.0.0.1:0", "9001", "--cut", "0"],
            "nothing would ever arrive",
        ),
        (
            &["127.0.0.1:0", "9001", "--out", "run.pcapng"],
            "no packets",
        ),
        (
            &["127.0.0.1:0", "9001", "--out", "/no/such/run.html"],
            "cannot write",
        ),
        (&["192.0.2.1:9000", "9001"], "cannot take the address"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_lab-trace"))
            .arg("spy")
            .args(words)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{words:?}: {output:?}");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(errors.contains(says), "{words:?}: {errors}");
    }
}
