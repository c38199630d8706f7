//! The command as a user meets it: good and bad input, formats, exit codes, Ctrl-C.
//!
//! One file, since all tests start the same program and share a few lines to do it.

use std::fs;
use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::listeners::{Listeners, listening};
use crate::namespace::{in_own_network, test_name};

pub(crate) fn portscan(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portscan"));
    command.args(arguments).stdin(Stdio::null());
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    portscan(arguments).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn path_in(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_string()
}

/// A listener on 127.0.0.1, and a port without one.
fn open_and_closed() -> (TcpListener, u16, u16) {
    let open = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = open.local_addr().unwrap().port();
    // Below the range from which the system takes ports, so that no program gets it by chance.
    let known = listening();
    let closed = (20_000..30_000).find(|port| !known.contains(port)).unwrap();
    (open, port, closed)
}

pub(crate) fn assert_refused(arguments: &[&str], words: &[&str]) {
    let output = run(arguments);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
    for word in words {
        assert!(
            message.contains(word),
            "{arguments:?}: {word:?} is not in {message:?}"
        );
    }
    assert_eq!(message.lines().count(), 2, "one line and a hint: {message}");
    assert!(message.contains("\nhint: "), "{message}");
    assert_eq!(stdout(&output), "", "nothing was scanned");
}

#[test]
fn errors_name_what_is_wrong_and_what_to_do() {
    let hint = "hint: ports look like this: --ports 22,http,8000-9000,60000-\n";
    for (ports, error) in [
        (
            "0",
            "port 0 cannot be scanned: it means \"any free port\" to bind",
        ),
        (
            "65536",
            "\"65536\" is not a port: a port is a whole number from 1 to 65535",
        ),
        (
            "9000-8000",
            "the port range 9000-8000 runs backwards: did you mean 8000-9000?",
        ),
    ] {
        let message = stderr(&run(&["--ports", ports]));
        assert_eq!(message, format!("Error: --ports: {error}\n{hint}"));
    }
    assert_eq!(
        stderr(&run(&["--from", "/dev/null"])),
        "Error: there is nothing to scan: the list of targets is empty\n\
         hint: portscan 127.0.0.1 scans this machine; --help shows more\n"
    );
    if cfg!(target_os = "linux") {
        let message = stderr(&run(&["--ports", "9", "--out", "/dev/full"]));
        let (_, error) = message.split_once('\n').expect("the summary comes first");
        assert_eq!(
            error,
            "Error: cannot write /dev/full: No space left on device (os error 28)\n\
             hint: the report went to stdout instead\n"
        );
    }
}

#[test]
fn bad_input_is_one_line_and_a_hint() {
    assert_refused(&["--ports", "0"], &["port 0 cannot be scanned"]);
    assert_refused(&["--ports", "65536"], &["\"65536\" is not a port"]);
    assert_refused(&["--ports=9000-8000"], &["9000-8000 runs backwards"]);
    assert_refused(&["--ports", ""], &["empty"]);
    assert_refused(
        &["--ports", "22", "--exclude-ports", "1-100"],
        &["all ports are excluded"],
    );
    assert_refused(&["--ports", "22", "--top", "5"], &["exclude each other"]);
    assert_refused(&["--top", "0"], &["the table has"]);
    assert_refused(&["--from", "/dev/null"], &["the list of targets is empty"]);
    assert_refused(
        &["127.0.0.1", "--exclude", "127.0.0.0/8"],
        &["the list of targets is empty"],
    );
    assert_refused(
        &["127.0.0.1", "--exclude", "127.0.0.1/99"],
        &["--exclude: 127.0.0.1/99"],
    );
    assert_refused(
        &["--format", "yaml"],
        &["human, json, jsonl, xml, grep, gnmap, csv or list"],
    );
    assert_refused(&["--rate", "0"], &["a rate is"]);
    assert_refused(&["--tries", "0"], &["from 1 to 20"]);
    assert_refused(&["--window", "0"], &["a window is"]);
    assert_refused(
        &["--out", "/nowhere/report"],
        &["cannot create /nowhere/report"],
    );
    assert_refused(&["--bogus"], &["--bogus"]);
    assert_refused(
        &["--least-wait", "2", "--timeout", "1"],
        &["--least-wait is longer than --timeout"],
    );
    assert_refused(&["-4", "-6"], &["-4 and -6 exclude each other"]);
    assert_refused(&["-p", "ssh-"], &["\"ssh\" is neither a port"]);
}

#[test]
fn a_bad_target_among_good_ones_is_reported_and_the_good_ones_are_scanned() {
    in_own_network(test_name!(), || {
        let (_listener, open, _) = open_and_closed();
        let output = run(&[
            "no-such-host.invalid",
            "127.0.0.1",
            "10.0.0.0/99",
            "--ports",
            &open.to_string(),
        ]);
        assert_eq!(output.status.code(), Some(1));
        let message = stderr(&output);
        assert!(
            message.contains("cannot resolve the host name no-such-host.invalid"),
            "{message}"
        );
        assert!(
            message.contains("10.0.0.0/99 is not a block of addresses"),
            "{message}"
        );
        assert!(
            message.contains("2 targets could not be scanned"),
            "{message}"
        );
        assert!(
            stdout(&output).contains(&format!("{open}  open")),
            "{}",
            stdout(&output)
        );
    });
}

#[test]
fn every_format_tells_open_from_closed() {
    in_own_network(test_name!(), || {
        let (_listener, open, closed) = open_and_closed();
        let ports = format!("{open},{closed}");
        let text = |format: &str| {
            let output = run(&["--ports", &ports, "--format", format]);
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            stdout(&output)
        };
        let human = text("human");
        assert!(human.contains(&format!("{open}  open")), "{human}");
        assert!(human.contains(&format!("{closed}  closed")), "{human}");
        assert!(human.contains("1 open, 1 closed"), "{human}");
        assert!(!human.contains('\x1b'), "no colors in a pipe");

        let json: Value = serde_json::from_str(&text("json")).unwrap();
        assert_eq!(json["scan"]["counts"]["open"], 1);
        assert_eq!(json["hosts"][0]["address"], "127.0.0.1");
        let ports_of = |json: &Value| json["hosts"][0]["ports"].as_array().unwrap().clone();
        let state = |port: u16| {
            ports_of(&json)
                .into_iter()
                .find(|entry| entry["port"] == port)
                .unwrap()["state"]
                .clone()
        };
        assert_eq!(
            (state(open), state(closed)),
            ("open".into(), "closed".into())
        );

        let lines: Vec<Value> = text("jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let types: Vec<&str> = lines
            .iter()
            .map(|line| line["type"].as_str().unwrap())
            .collect();
        assert_eq!(types, ["port", "port", "host", "scan"]);

        let grep = text("grep");
        assert!(grep.contains(&format!("{open}/open/-")), "{grep}");
        assert!(
            grep.ends_with("open=1 closed=1 filtered=0 unreachable=0 unknown=0\n"),
            "{grep}"
        );

        let csv = text("csv");
        assert!(
            csv.starts_with("address,name,port,state,service,banner,uncertain\n"),
            "{csv}"
        );
        assert!(
            csv.contains(&format!("127.0.0.1,,{open},open,,,\n")),
            "{csv}"
        );
    });
}

#[test]
fn targets_come_from_a_file_and_from_stdin() {
    let folder = tempfile::tempdir().unwrap();
    let file = path_in(&folder, "targets.txt");
    fs::write(&file, "# ours\n127.0.3.1 127.0.3.2 # two\n\n127.0.3.9-11\n").unwrap();
    let arguments = [
        "--from",
        &file,
        "-",
        "--exclude",
        "127.0.3.10",
        "--ports",
        "9",
        "--format",
        "grep",
    ];
    let mut child = portscan(&arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"127.0.3.200\n")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let report = stdout(&output);
    let hosts: Vec<&str> = report
        .lines()
        .map(|line| line.split('\t').next().unwrap())
        .collect();
    let expected = [
        "127.0.3.1",
        "127.0.3.2",
        "127.0.3.9",
        "127.0.3.11",
        "127.0.3.200",
    ];
    assert_eq!(hosts, expected, "{}", stderr(&output));
}

#[test]
fn out_takes_the_report_and_a_full_disk_does_not_lose_it() {
    in_own_network(test_name!(), || {
        let (_listener, open, _) = open_and_closed();
        let folder = tempfile::tempdir().unwrap();
        let file = path_in(&folder, "report.csv");
        let port = open.to_string();
        let output = run(&["--ports", &port, "--format", "csv", "--out", &file]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
        assert!(
            fs::read_to_string(&file)
                .unwrap()
                .contains(&format!("{open},open"))
        );

        if cfg!(target_os = "linux") {
            let output = run(&["--ports", &port, "--format", "csv", "--out", "/dev/full"]);
            assert_eq!(output.status.code(), Some(1));
            assert!(
                stderr(&output).contains("cannot write /dev/full"),
                "{}",
                stderr(&output)
            );
            assert!(
                stdout(&output).contains(&format!("{open},open")),
                "the report went to stdout"
            );
        }
    });
}

/// Runs the program without a reader of its stdout. There is none from the beginning on: a pipe
/// whose reader is dropped after the start may still have it when a quick scan writes its report.
fn unread(arguments: &[&str]) -> Output {
    let (reader, writer) = UnixStream::pair().unwrap();
    reader.shutdown(Shutdown::Both).unwrap();
    portscan(arguments)
        .stdout(OwnedFd::from(writer))
        .output()
        .unwrap()
}

#[test]
fn a_closed_stdout_is_an_error_and_no_panic() {
    let output = unread(&["--ports", "9", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("cannot write to stdout"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn the_banner_is_read_and_escaped() {
    in_own_network(test_name!(), || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let service = std::thread::spawn(move || {
            // The scan's connection first, then the one that reads the banner.
            for mut stream in listener.incoming().take(2).flatten() {
                let _reset_by_the_scan = stream.write_all(b"220 \x1b[31mready\r\n");
            }
        });
        let output = run(&["--ports", &port, "--banner"]);
        service.join().unwrap();
        let report = stdout(&output);
        assert!(report.contains(r"220 \x1b[31mready"), "{report}");
        assert!(!report.contains('\x1b'));
    });
}

#[test]
fn banners_keep_to_the_rate() {
    in_own_network(test_name!(), || {
        let services: Vec<TcpListener> = (0..11)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let port = |service: &TcpListener| service.local_addr().unwrap().port().to_string();
        let ports: Vec<String> = services.iter().map(port).collect();
        for service in services {
            std::thread::spawn(move || {
                for mut stream in service.incoming().flatten() {
                    let _reset_by_the_scan = stream.write_all(b"ready\n");
                }
            });
        }
        let began = Instant::now();
        let output = run(&["--ports", &ports.join(","), "--rate", "10", "--banner"]);
        let time = began.elapsed();
        assert_eq!(stdout(&output).matches("ready").count(), 11);
        // 11 connects of the scan take a second, and those for the banners another.
        assert!(time >= Duration::from_millis(1900), "{time:?}");
    });
}

#[test]
fn ctrl_c_prints_what_is_known_and_the_resumed_scan_finds_the_rest() {
    in_own_network(test_name!(), || {
        let folder = tempfile::tempdir().unwrap();
        let file = path_in(&folder, "scan.resume");
        let listeners = Listeners::new("127.0.4.1".parse().unwrap(), 10, &[]);
        let first = TcpListener::bind("127.0.4.1:0").unwrap();
        let first_port = first.local_addr().unwrap().port();
        let ports = format!("{first_port}-{}", first_port.saturating_add(3000));
        let expected: Vec<u16> = listening()
            .into_iter()
            .filter(|port| *port == first_port || listeners.ports.contains(port))
            .filter(|port| (first_port..=first_port.saturating_add(3000)).contains(port))
            .collect();

        // In order and slowly: the first connection says that the scan is running, and far from its
        // end.
        let arguments = [
            "127.0.4.1",
            "--ports",
            &ports,
            "--in-order",
            "--rate",
            "200",
            "--resume",
            &file,
        ];
        let child = portscan(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _: (TcpStream, _) = first.accept().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
        assert!(
            stderr(&output).contains(&format!("portscan --resume {file}")),
            "{}",
            stderr(&output)
        );
        let report = stdout(&output);
        assert!(report.contains("the scan was stopped"), "{report}");

        // Other targets than the file's are refused, and the file stays.
        let other = run(&["127.0.0.1", "--resume", &file]);
        assert_eq!(other.status.code(), Some(1));
        assert!(fs::exists(&file).unwrap());

        // The rate of the file would be kept, but the command line has the last word.
        let output = run(&["--resume", &file, "--rate", "50000", "--format", "json"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert!(json["scan"]["seconds"].as_f64().unwrap() < 10.0, "{json}");
        let found: Vec<u16> = json["hosts"][0]["ports"]
            .as_array()
            .unwrap()
            .iter()
            .map(|port| u16::try_from(port["port"].as_u64().unwrap()).unwrap())
            .collect();
        let ours: Vec<u16> = found
            .into_iter()
            .filter(|port| expected.contains(port))
            .collect();
        assert_eq!(ours, expected);
        assert_eq!(json["hosts"][0]["unknown"], 0);
        assert!(
            !fs::exists(&file).unwrap(),
            "a finished scan leaves no file"
        );
    });
}

/// Scans 400 ports from one with a listener on, in order and slowly, and presses Ctrl-C at the
/// first connection.
fn interrupted(ip: &str, file: &str, options: &[&str], closed_stdout: bool) -> Output {
    let first = TcpListener::bind((ip, 0)).unwrap();
    let port = first.local_addr().unwrap().port();
    let ports = format!("{port}-{}", port.saturating_add(400));
    let slowly = ["--in-order", "--rate", "200", "--format", "json"];
    let mut child = portscan(&[ip, "--ports", &ports, "--resume", file])
        .args(slowly)
        .args(options)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _: (TcpStream, _) = first.accept().unwrap();
    if closed_stdout {
        drop(child.stdout.take());
    }
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    child.wait_with_output().unwrap()
}

/// What a resume file has besides results: its first line.
fn header(file: &str) -> Value {
    let saved = fs::read_to_string(file).unwrap();
    serde_json::from_str(saved.lines().next().unwrap()).unwrap()
}

#[test]
fn ctrl_c_in_a_pipeline_leaves_the_resume_file_although_the_reader_is_gone() {
    in_own_network(test_name!(), || {
        let folder = tempfile::tempdir().unwrap();
        let file = path_in(&folder, "scan.resume");
        let output = interrupted("127.0.4.2", &file, &[], true);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(130), "{message}");
        assert!(message.contains("cannot write to stdout"), "{message}");
        assert!(message.contains(&format!("--resume {file}")), "{message}");
        let saved = header(&file);
        assert_eq!(saved["own"][0], "127.0.4.2");
    });
}

#[test]
fn a_resumed_scan_whose_report_is_lost_keeps_the_file() {
    in_own_network(test_name!(), || {
        let folder = tempfile::tempdir().unwrap();
        let file = path_in(&folder, "scan.resume");
        let output = interrupted("127.0.4.3", &file, &[], false);
        assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
        let output = unread(&["--resume", &file, "--rate", "50000"]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(fs::exists(&file).unwrap());
    });
}

#[test]
fn a_resumed_scan_keeps_to_the_limits_of_the_interrupted_one() {
    in_own_network(test_name!(), || {
        let folder = tempfile::tempdir().unwrap();
        let file = path_in(&folder, "scan.resume");
        let options = [
            "--tries",
            "3",
            "--timeout",
            "0.25",
            "--window",
            "50",
            "--least-wait=0.125",
        ];
        let output = interrupted("127.0.4.4", &file, &options, false);
        assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
        let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let left = json["hosts"][0]["unknown"].as_f64().unwrap();
        assert!(left > 200.0, "{json}");
        let saved = header(&file);
        assert_eq!(
            saved["limits"],
            serde_json::json!(
                {"tries": 3, "timeout": 0.25, "window": 50, "rate": 200.0, "least_wait": 0.125}
            )
        );

        let output = run(&["--resume", &file, "--format", "json"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let seconds = json["scan"]["seconds"].as_f64().unwrap();
        assert!(seconds > 0.8 * left / 200.0, "{left} ports in {seconds} s");
    });
}

#[test]
fn a_missing_resume_file_is_refused_unless_targets_say_what_to_begin() {
    let folder = tempfile::tempdir().unwrap();
    let file = path_in(&folder, "typo.resume");
    assert_refused(&["--resume", &file], &["there is no file", &file]);
    let output = run(&["127.0.0.1", "--ports", "9", "--resume", &file]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn ctrl_c_while_banners_are_read_says_how_many_are_missing() {
    in_own_network(test_name!(), || {
        // 32 are asked at once, and none of them speaks first: each is waited for 2 s.
        let mut services: Vec<TcpListener> = (0..40)
            .map(|_| TcpListener::bind("127.0.4.5:0").unwrap())
            .collect();
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let ports: Vec<String> = services.iter().map(|l| port(l).to_string()).collect();
        let child = portscan(&["127.0.4.5", "--banner", "--ports", &ports.join(",")])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // They are asked in the order of their ports. The scan's connection comes first, the second
        // is for the banner.
        services.sort_by_key(port);
        let asked: Vec<(TcpStream, _)> = services[..32]
            .iter()
            .flat_map(|service| [service.accept().unwrap(), service.accept().unwrap()])
            .collect();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        let output = child.wait_with_output().unwrap();
        drop(asked);
        let report = stdout(&output);
        assert_eq!(output.status.code(), Some(130), "{report}");
        assert!(report.contains("40 open"), "{report}");
        assert!(
            report.contains("uncertain: the banners of 40 open ports were not read"),
            "{report}"
        );
    });
}

#[test]
fn a_name_that_is_excluded_is_not_scanned() {
    for target in ["localhost", "127.0.0.1"] {
        assert_refused(
            &[target, "--exclude", "localhost", "--ports", "9"],
            &["the list of targets is empty"],
        );
    }
}

#[test]
fn a_report_of_many_hosts_has_no_line_for_each_closed_port() {
    let count = |target: &str| {
        let output = run(&[target, "--ports", "9", "--format", "csv"]);
        stdout(&output).lines().count() - 1
    };
    assert_eq!(count("127.0.5.0/25"), 128);
    assert_eq!(count("127.0.5.0/24"), 0);
}

#[test]
fn a_resume_file_whose_numbers_fit_nothing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = path_in(&folder, "scan.resume");
    let text = |pending: &str, found: &str| {
        format!(
            r#"{{"portscan": 2, "targets": ["127.0.0.1"], "own": ["127.0.0.1"], "ports": "1-100", "seed": null,
            "limits": {{}}, "next_own": 100, "next_other": 0, "pending": {pending}, "found": {found}, "counts": []}}"#
        )
    };
    for (pending, found, words) in [
        (
            "[[5, 22]]",
            "[]",
            "it names host 5, but there are only 1 hosts",
        ),
        ("[]", r#"[[0, 22, "open"]]"#, "do not add up"),
    ] {
        fs::write(&file, text(pending, found)).unwrap();
        assert_refused(&["--resume", &file], &["cannot continue", words]);
    }
}

#[test]
fn a_damaged_resume_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = path_in(&folder, "scan.resume");
    fs::write(&file, "{\"portscan\": 1}").unwrap();
    assert_refused(
        &["--resume", &file],
        &["is not the resume file of an interrupted scan"],
    );
}

#[test]
fn help_shows_examples_and_exit_codes() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = stdout(&output);
    let lines: Vec<&str> = help.lines().map(str::trim).collect();
    for line in [
        "portscan db.example.org --ports 22,5432 --banner",
        "130 Ctrl-C; what is known was printed, the rest is in the resume file",
    ] {
        assert!(lines.contains(&line), "{line:?} is not in {help}");
    }
}
