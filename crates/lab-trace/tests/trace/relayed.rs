//! `cargo lab trace --relay`: as where the calls cannot be seen.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use lab_journal::{Event, Journal};
use rustix::process::{Pid, Signal, kill_process};

use crate::{assert_tied, calls, journal, segments, stdout, trace};

/// A folder with two programs in Python, which get their port as a word.
fn programs(server: &str, client: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, body) in [("server.py", server), ("client.py", client)] {
        let text = format!("import socket, sys, time\nport = int(sys.argv[1])\n{body}");
        fs::write(folder.path().join(name), text).expect("a program");
    }
    folder
}

/// The command for them.
fn command(folder: &Path, options: &[&str]) -> Command {
    let of = |name: &str| format!("python3 -u {} {{port}}", folder.join(name).display());
    let mut command = trace(folder);
    command
        .args(["--server", &of("server.py"), "--client", &of("client.py")])
        .args(options);
    command
}

fn run(folder: &Path, options: &[&str]) -> (Output, Journal) {
    let output = command(folder, options).output().expect("it runs");
    assert!(output.status.success(), "{options:?}: {output:?}");
    (output, journal(folder))
}

fn exercise(words: &[&str]) -> (String, Journal) {
    let folder = tempfile::tempdir().expect("a folder");
    let output = trace(folder.path())
        .args(words)
        .args(["--relay", "--width=140"])
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{words:?}: {output:?}");
    let journal = journal(folder.path());
    assert!(journal.relay);
    let shown = stdout(&output);
    let note = "calls cannot be seen here: --relay was given; a relay saw what passed";
    let head = shown.find(" ms server").expect("a picture");
    assert!(shown[..head].contains(note), "{shown}");
    (shown, journal)
}

/// What a side sent, by the journal.
fn sent(journal: &Journal, name: &str) -> Vec<u8> {
    let of_side = calls(journal).filter(|call| {
        let side = journal.side(call.process);
        side.is_some_and(|side| side.name() == name)
    });
    let data = of_side.filter_map(|call| call.data.as_ref());
    data.flat_map(|data| data.bytes.clone()).collect()
}

#[test]
fn an_exercise_over_tcp_in_both_languages() {
    for language in ["rust", "python"] {
        let words = ["dsd-sum", "--server", language, "--client", language];
        let (shown, journal) = exercise(&words);
        assert!(shown.contains("Server says: 15\n"), "{shown}");
        assert!(shown.contains("sends 9 \"1 2 3 4 5\""), "{shown}");
        assert_eq!(sent(&journal, "client"), b"1 2 3 4 5");
        assert_eq!(sent(&journal, "server"), b"15");
        let carried = segments(&journal);
        let lengths: Vec<u64> = carried.iter().map(|it| it.length).collect();
        assert_eq!(lengths.iter().sum::<u64>(), 11, "{shown}");
        assert!(carried.iter().any(|segment| segment.fin));
        let mut with_bytes = carried.iter().filter(|segment| segment.length > 0);
        assert!(with_bytes.all(|segment| segment.call.is_some()));
        let ended = journal
            .entries
            .iter()
            .filter_map(|entry| match &entry.event {
                Event::Exit(exit) => journal
                    .side(exit.process)
                    .map(|side| (side.name(), exit.code)),
                _ => None,
            });
        assert!(ended.into_iter().any(|end| end == ("client", Some(0))));
        assert_tied(&journal);
    }
}

#[test]
fn an_exercise_over_udp_with_a_lost_datagram() {
    let (shown, journal) = exercise(&["cmpu-udp-echo", "--drop", "1"]);
    assert!(shown.contains(" lost "), "{shown}");
    let lost = segments(&journal)
        .into_iter()
        .filter(|segment| segment.lost);
    // The first of each direction.
    assert_eq!(lost.count(), 2, "{shown}");
    let (_, whole) = exercise(&["cmpu-udp-echo", "--client", "python"]);
    let carried = segments(&whole);
    assert!(
        carried
            .iter()
            .all(|segment| !segment.lost && segment.call.is_some())
    );
    assert_eq!(sent(&whole, "client"), sent(&whole, "server"));
    assert!(!sent(&whole, "client").is_empty());
}

#[test]
fn commands_that_take_their_port_and_faults() {
    let folder = programs(
        "listener = socket.create_server(('127.0.0.1', port))
peer, _ = listener.accept()
while data := peer.recv(1024): print(len(data))
peer.sendall(b'thanks')
",
        "peer = socket.create_connection(('127.0.0.1', port))
peer.sendall(b'hello, world')
peer.shutdown(socket.SHUT_WR)
while peer.recv(9): pass
",
    );
    let (output, journal) = run(folder.path(), &["--relay", "--cut", "5"]);
    assert!(stdout(&output).starts_with("5\n5\n2\n"), "{output:?}");
    assert_eq!(sent(&journal, "client"), b"hello, world");
    let lengths: Vec<u64> = segments(&journal).iter().map(|it| it.length).collect();
    assert_eq!(lengths, [5, 5, 2, 0, 5, 1, 0]);
    // The same commands where the calls are seen.
    let (output, journal) = run(folder.path(), &[]);
    assert!(stdout(&output).starts_with("12\n"), "{output:?}");
    assert!(!journal.relay);
}

#[test]
fn a_page_without_calls_says_so() {
    let folder = programs(
        "listener = socket.create_server(('127.0.0.1', port))\nlistener.accept()[0].recv(9)\n",
        "socket.create_connection(('127.0.0.1', port)).sendall(b'hello')\n",
    );
    let page = folder.path().join("run.html");
    run(
        folder.path(),
        &["--relay", "--out", &page.display().to_string()],
    );
    let page = fs::read_to_string(page).expect("a page");
    assert!(page.contains("calls cannot be seen here"), "{page}");
    assert!(page.contains("In the relay"), "{page}");
}

#[test]
fn what_a_relay_cannot_do_is_told_before_anything_runs() {
    let folder = programs("print('server')\n", "print('client')\n");
    let plain = "python3 client.py";
    for (words, says) in [
        (
            &["dsd-sum", "--client", plain][..],
            "--client \"python3 client.py {port}\"",
        ),
        (
            &["dsd-sum", "--server", plain],
            "the server has to be told its port",
        ),
        (&["--program", plain], "a program that runs alone"),
        (
            &["dsd-sum", "--out", "run.pcapng"],
            "no packets for a .pcapng",
        ),
    ] {
        let output = trace(folder.path()).arg("--relay").args(words).output();
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{words:?}: {output:?}");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(errors.contains(says), "{words:?}: {errors}");
        assert_eq!(stdout(&output), "", "{words:?}");
    }
}

#[test]
fn a_server_that_ends_at_once_is_told_and_a_failed_client_gives_its_code() {
    let folder = programs("sys.exit(3)\n", "print('was started')\n");
    let output = command(folder.path(), &["--relay"])
        .output()
        .expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        errors.contains("ended before a client could come (exit code 3)"),
        "{errors}"
    );
    assert!(!stdout(&output).contains("was started"), "{output:?}");

    let folder = programs(
        "listener = socket.create_server(('127.0.0.1', port))\nwhile True: listener.accept()\n",
        "socket.create_connection(('127.0.0.1', port))\nsys.exit(7)\n",
    );
    let output = command(folder.path(), &["--relay"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(7), "{output:?}");
}

#[test]
fn ctrl_c_ends_both_and_the_picture_is_drawn() {
    let told = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let at = told.local_addr().expect("an address").port();
    let folder = programs(
        "listener = socket.create_server(('127.0.0.1', port))
peer, _ = listener.accept()
peer.recv(5, socket.MSG_WAITALL)
peer.sendall(b'you')
time.sleep(600)
",
        &format!(
            "peer = socket.create_connection(('127.0.0.1', port))
peer.sendall(b'hello')
peer.recv(3, socket.MSG_WAITALL)
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {at}))
time.sleep(600)
"
        ),
    );
    let mut command = command(folder.path(), &["--relay"]);
    let running = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let running = running.expect("it starts");
    told.recv(&mut [0]).expect("the client has its answer");
    kill_process(Pid::from_child(&running), Signal::TERM).expect("it runs");
    let output = running.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(128 + 15), "{output:?}");
    let shown = stdout(&output);
    assert!(shown.contains("sends 5 \"hello\""), "{shown}");
    assert!(shown.contains("ends: signal 15"), "{shown}");
}

/// As where ptrace is forbidden: the relay takes over by itself, and says why.
#[test]
fn without_the_right_to_trace_the_relay_takes_over() {
    let folder = programs(
        "listener = socket.create_server(('127.0.0.1', port))\nlistener.accept()[0].recv(9)\n",
        "socket.create_connection(('127.0.0.1', port)).sendall(b'hello')\n",
    );
    let mut command = command(folder.path(), &[]);
    forbid_ptrace(&mut command);
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let journal = journal(folder.path());
    assert!(journal.relay);
    let note = &journal.notes[0];
    assert!(
        note.contains("does not let one program trace another"),
        "{note}"
    );
    assert_eq!(sent(&journal, "client"), b"hello");
}

/// Lets the program's ptrace(2) fail, as some containers do.
fn forbid_ptrace(command: &mut Command) {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};
    use std::os::unix::process::CommandExt;
    let here = std::env::consts::ARCH
        .try_into()
        .expect("a known processor");
    let rules = [(libc::SYS_ptrace, Vec::new())].into();
    let forbidden = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, forbidden, here);
    let filter: BpfProgram = filter.expect("rules").try_into().expect("a filter");
    #[allow(unsafe_code, reason = "std has no call that sets a filter")]
    // SAFETY: applying a filter that is built already makes two system calls and allocates nothing.
    unsafe {
        command.pre_exec(move || apply_filter(&filter).map_err(std::io::Error::other));
    }
}
