//! What may be asked for: short options, families, lists in files, and what a process may lack.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use portscan::findings::State;
use portscan::limits::Limits;
use portscan::permutation::Permutation;
use portscan::schedule::{Next, Scheduler};

use crate::command::{assert_refused, path_in, portscan, run, stderr, stdout};

/// The addresses and the ports of a scan's lines, in the form of `--format csv`.
fn scanned(arguments: &[&str]) -> Vec<String> {
    let output = run(&[arguments, &["--format", "csv"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output)
        .lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            format!("{}:{}", fields[0], fields[2])
        })
        .collect()
}

#[test]
fn short_options_are_those_of_other_scanners() {
    for words in [&["-p", "9"][..], &["-p9"], &["-p=discard"], &["--ports=9"]] {
        assert_eq!(scanned(words), ["127.0.0.1:9"], "{words:?}");
    }
    let version = run(&["--version"]);
    assert_eq!(stdout(&version), "portscan 0.1.0\n");
    assert_eq!(version.status.code(), Some(0));
}

#[test]
fn a_name_is_scanned_on_all_its_addresses_or_on_those_of_a_family() {
    let all = scanned(&["localhost", "-p9"]);
    assert!(all.contains(&"127.0.0.1:9".to_string()), "{all:?}");
    assert_eq!(scanned(&["localhost", "-4", "-p9"]), ["127.0.0.1:9"]);
    assert_eq!(scanned(&["-6", "-p9"]), ["::1:9"]);
    assert_eq!(scanned(&["::1%lo", "-p9"]), ["::1:9"]);
    let output = run(&["127.0.0.1", "::1", "-4", "-p9"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("::1 has no IPv4 address\nhint: leave -4 out"));
}

#[test]
fn targets_exclusions_and_ports_come_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = path_in(&folder, name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let targets = file("targets", b"\xef\xbb\xbf127.0.6-7.1-2 # B\xfcro\r\n");
    let exclude = file("exclude", b"127.0.6.2\n127.0.7.0/31\n");
    let ports = file("ports", b"9 # discard\nssh,24-25\n");
    let lists = ["--from", &targets, "--exclude-from", &exclude];
    let found = scanned(
        &[
            &lists[..],
            &["--ports-from", &ports, "--exclude-ports", "24"],
        ]
        .concat(),
    );
    let expected = [
        "127.0.6.1:9",
        "127.0.6.1:22",
        "127.0.6.1:25",
        "127.0.7.2:9",
        "127.0.7.2:22",
        "127.0.7.2:25",
    ];
    assert_eq!(found, expected);

    let latin1 = file("latin1", b"127.0.0.1\nb\xfcro.example\n");
    assert_refused(&["--from", &latin1], &["latin1: line 2 is not valid UTF-8"]);
    assert_refused(&["--exclude-from", "/dev/zero"], &["line 1 is longer than"]);
    let bad = file("bad", b"127.0.0.1\n127.0.0.1/99\n");
    assert_refused(&["--exclude-from", &bad], &["--exclude-from: 127.0.0.1/99"]);
    assert_refused(
        &["--ports-from", &bad],
        &["--ports-from: \"127.0.0.1\" is not a port"],
    );
}

#[test]
fn open_leaves_out_what_is_not_open() {
    let listener = TcpListener::bind("127.0.6.9:0").unwrap();
    let open = listener.local_addr().unwrap().port();
    let found = scanned(&["127.0.6.8-9", "--open", "-p", &format!("9,{open}")]);
    assert_eq!(found, [format!("127.0.6.9:{open}")]);
}

#[test]
fn a_hint_names_no_option_that_the_program_has_not() {
    let folder = tempfile::tempdir().unwrap();
    let secret = path_in(&folder, "secret");
    fs::write(&secret, "").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    let missing = path_in(&folder, "missing/file");
    let file = path_in(&folder, "secret/file");
    for arguments in [
        ["--from", &missing],
        ["--from", &secret],
        ["--out", &file],
        ["--resume", &file],
    ] {
        let output = run(&[&arguments[..], &["127.0.0.1", "-p", "9"]].concat());
        let message = stderr(&output);
        for option in ["--port ", "--host"] {
            assert!(!message.contains(option), "{arguments:?}: {message}");
        }
    }
}

#[test]
fn the_least_wait_holds_for_a_host_that_has_answered_quickly() {
    let wait = |least_wait| {
        let limits = Limits {
            window: 10,
            least_wait,
            ..Limits::default()
        };
        let mut scheduler = Scheduler::new(vec![1, 2], Permutation::ascending(2), 0, limits);
        let mut send = |now| match scheduler.next(now) {
            Next::Send(probe) => {
                scheduler.answered(now + Duration::from_millis(1), &probe, State::Closed);
                scheduler.timeout(&probe)
            }
            other => panic!("{other:?}"),
        };
        send(Duration::ZERO);
        send(Duration::from_millis(2))
    };
    assert!(wait(None) < Duration::from_millis(500));
    let least = Duration::from_millis(1500);
    assert_eq!(wait(Some(least)), least);
}

#[cfg(target_os = "linux")]
#[test]
fn a_stdout_that_is_closed_from_the_start_is_an_error() {
    let output = Command::new("sh")
        .args(["-c", "exec \"$0\" -p 9 >&-", env!("CARGO_BIN_EXE_portscan")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("stdout is closed\nhint: open it, or name a file with --out"));
    // What leads nowhere on purpose is none.
    let quiet = portscan(&["-p", "9"])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(quiet.code(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_may_start_few_threads_scans_or_says_so() {
    if !rustix::process::geteuid().is_root() {
        println!("without root there is no other user whose limit can be tried");
        return;
    }
    // The user has no other process: each thread counts.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("portscan");
    fs::copy(env!("CARGO_BIN_EXE_portscan"), &program).unwrap();
    for threads in 1..6 {
        let output = Command::new("setpriv")
            .args(["--reuid=61234", "--clear-groups", "prlimit"])
            .arg(format!("--nproc={threads}"))
            .arg(&program)
            .args(["-p", "9"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let message = stderr(&output);
        match output.status.code() {
            Some(0) => assert!(stdout(&output).contains("1 closed"), "{message}"),
            Some(1) => assert!(message.contains("ulimit -u"), "{message}"),
            code => panic!("with {threads} threads: {code:?}: {message}"),
        }
        assert_eq!(threads == 1, output.status.code() == Some(1), "{message}");
    }
}

#[test]
fn a_reader_that_has_ended_is_an_error_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let reports = ["open", "closed"].map(|state| {
        let path = path_in(&folder, state);
        let port = format!(r#"{{"port": 9, "state": "{state}"}}"#);
        let host = format!(r#"{{"address": "10.0.0.1", "unknown": 0, "ports": [{port}]}}"#);
        let report = format!(r#"{{"hosts": [{host}], "scan": {{"ports": "9"}}}}"#);
        fs::write(&path, report).unwrap();
        path
    });
    let scans = [
        "human", "json", "jsonl", "xml", "grep", "gnmap", "csv", "list",
    ]
    .map(|format| vec!["127.0.0.1", "-p", "9-20", "--format", format]);
    let diff = vec!["diff", &reports[0], &reports[1]];
    for (arguments, code) in scans.into_iter().map(|scan| (scan, 1)).chain([(diff, 2)]) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = portscan(&arguments).stdout(writer).output().unwrap();
        let told = stderr(&output);
        // A list of open ports may be empty.
        if arguments.last() != Some(&"list") || output.status.code() != Some(0) {
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
            assert!(told.contains("cannot write to stdout"), "{told}");
        }
        assert!(!told.contains("panicked"), "{told}");
    }
}
