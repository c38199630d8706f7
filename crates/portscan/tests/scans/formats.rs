//! The forms of a report: what each of them says, what comes first, and who else can read them.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::command::{path_in, portscan, run, stderr, stdout};
use crate::listeners::Listeners;
use crate::namespace::{in_own_network, test_name};

fn interrupt(child: &Child) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
}

/// A service that says something to everyone; its port.
fn service(ip: &str, words: &'static [u8]) -> u16 {
    let listener = TcpListener::bind((ip, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _reset_by_the_scan = stream.write_all(words);
        }
    });
    port
}

fn report(format: &str, arguments: &[&str]) -> String {
    let output = run(&[arguments, &["--format", format]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn every_form_has_the_banner_in_its_place() {
    in_own_network(test_name!(), || {
        let port = service("127.0.0.1", b"\r\n220 a/b, <c> \"d\"\r\n");
        let ports = format!("9,{port}");
        let form = |format: &str| report(format, &["-p", &ports, "--banner"]);
        let human = form("human");
        assert!(human.contains("\"220 a/b, <c> \"d\"\"\n"), "{human}");
        let grep = form("grep");
        let line =
            format!("9/closed/discard,{port}/open/-/220 a\\x2fb\\x2c <c> \"d\"\topen=1 closed=1");
        assert!(grep.contains(&line), "{grep}");
        let gnmap = form("gnmap");
        let line = format!(
            "Host: 127.0.0.1 ()\tPorts: 9/closed/tcp//discard///, {port}/open/tcp////220 a|b; <c> \"d\"/\n"
        );
        assert!(gnmap.contains(&line), "{gnmap}");
        let xml = form("xml");
        let script = r#"<script id="banner" output="220 a/b, &lt;c&gt; &quot;d&quot;"/>"#;
        assert!(xml.contains(script), "{xml}");
        let csv = form("csv");
        let line = format!("127.0.0.1,,{port},open,,\"220 a/b, <c> \"\"d\"\"\",\n");
        assert!(csv.contains(&line), "{csv}");
        let json: Value = serde_json::from_str(&form("json")).unwrap();
        assert_eq!(json["hosts"][0]["ports"][1]["banner"], "220 a/b, <c> \"d\"");
        assert_eq!(form("list"), format!("127.0.0.1:{port}\n"));
        assert_eq!(
            report("list", &["::1", "127.0.0.1", "-p", &ports]),
            format!("127.0.0.1:{port}\n")
        );
    });
}

#[test]
fn a_service_that_resets_is_not_one_that_speaks() {
    in_own_network(test_name!(), || {
        let listener = TcpListener::bind("[::1]:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let abort = Some(std::time::Duration::ZERO);
                socket2::SockRef::from(&stream).set_linger(abort).unwrap();
            }
        });
        let text = report("json", &["::1", "-p", &port, "--banner"]);
        let json: Value = serde_json::from_str(&text).unwrap();
        let entry = &json["hosts"][0]["ports"][0];
        assert_eq!(entry["banner"], Value::Null, "{text}");
        let why = entry["banner_error"].as_str().unwrap();
        assert!(why.contains("reset"), "{why}");
        let human = report("human", &["::1", "-p", &port, "--banner"]);
        assert!(human.contains("no banner: "), "{human}");
        assert_eq!(
            report("list", &["::1", "-p", &port]),
            format!("[::1]:{port}\n")
        );
    });
}

#[test]
fn with_open_only_hosts_with_an_open_port_are_listed() {
    in_own_network(test_name!(), || {
        let port = service("127.0.7.2", b"");
        let arguments = ["127.0.7.1-3", "--open", "-p", &format!("9,{port}")];
        for format in [
            "json", "jsonl", "xml", "grep", "gnmap", "csv", "list", "human",
        ] {
            let text = report(format, &arguments);
            assert!(text.contains("127.0.7.2"), "{text}");
            let lines: Vec<&str> = text
                .lines()
                // The command is in nmap's forms.
                .filter(|line| !line.contains("127.0.7.1-3"))
                .collect();
            assert!(!lines.concat().contains("127.0.7.1"), "{text}");
            assert!(!lines.concat().contains("127.0.7.3"), "{text}");
        }
    });
}

#[test]
fn a_port_is_printed_while_the_scan_runs() {
    in_own_network(test_name!(), || {
        let port = service("127.0.0.1", b"");
        let ports = format!("{port}-{}", port.saturating_add(5000));
        for (format, begins) in [
            ("jsonl", "{\"address\":\"127.0.0.1\""),
            ("list", "127.0.0.1:"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let slowly = [
                "--in-order",
                "--rate",
                "50",
                "--resume",
                &path_in(&folder, "r"),
            ];
            let mut child = portscan(&["127.0.0.1", "-p", &ports, "--format", format])
                .args(slowly)
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            // The whole scan takes a minute and a half.
            let first = lines.next().unwrap().unwrap();
            interrupt(&child);
            assert!(
                first.starts_with(begins) && first.contains(&port.to_string()),
                "{first}"
            );
            assert_eq!(child.wait().unwrap().code(), Some(130));
            let rest: Vec<String> = lines.map(Result::unwrap).collect();
            let again = rest.iter().filter(|line| **line == first).count();
            assert_eq!(again, 0, "a port is printed once");
        }
    });
}

#[test]
fn what_is_uncertain_comes_first_and_a_partial_report_says_so() {
    in_own_network(test_name!(), || {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        let ports = format!("{port}-{}", port.saturating_add(400));
        let folder = tempfile::tempdir().unwrap();
        let file = path_in(&folder, "scan.resume");
        let partial = |format: &str, out: &str| {
            let child = portscan(&[
                "127.0.0.1",
                "-p",
                &ports,
                "--in-order",
                "--rate",
                "50",
                "--format",
                format,
            ])
            .args(["--resume", &file, "--out", out])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
            let _connection = first.accept().unwrap();
            interrupt(&child);
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
            fs::remove_file(&file).unwrap();
            (fs::read_to_string(out).unwrap(), stderr(&output))
        };
        let (csv, told) = partial("csv", &path_in(&folder, "scan.csv"));
        assert!(
            told.contains("scan.csv has only what is known so far"),
            "{told}"
        );
        assert!(csv.contains("are unknown: the scan was stopped\n"), "{csv}");
        let (human, _) = partial("human", &path_in(&folder, "scan.txt"));
        assert!(human.starts_with("uncertain: "), "{human}");
        let (json, _) = partial("json", &path_in(&folder, "scan.json"));
        assert!(json.starts_with("{\"uncertain\":[\""), "{json}");
        let (xml, _) = partial("xml", &path_in(&folder, "scan.xml"));
        assert!(
            xml.contains("<prescript>\n<script id=\"uncertain\""),
            "{xml}"
        );
        assert!(xml.contains("exit=\"error\""), "{xml}");
        let (gnmap, _) = partial("gnmap", &path_in(&folder, "scan.gnmap"));
        assert!(gnmap.contains("# portscan stopped at"), "{gnmap}");
    });
}

/// nmap's own description of its XML, from Debian's package nmap-common.
const DTD: &str = "/usr/share/nmap/nmap.dtd";

#[test]
#[ignore = "needs nmap.dtd, xmllint and the packages of tests/importers: .ci/run scans has them"]
fn programs_of_others_read_the_reports() {
    in_own_network(test_name!(), || {
        let listeners = Listeners::new("127.0.0.1".parse().unwrap(), 5, &[]);
        let other = Listeners::new("::1".parse().unwrap(), 2, &[]);
        let ports: Vec<String> = listeners
            .ports
            .union(&other.ports)
            .map(u16::to_string)
            .collect();
        let ports = format!("9,{}", ports.join(","));
        let folder = tempfile::tempdir().unwrap();
        for format in ["json", "jsonl", "xml"] {
            let out = path_in(&folder, &format!("scan.{format}"));
            let targets = ["localhost", "::1", "127.0.9.1-30", "192.0.2.1"];
            let options = ["-p", &ports, "--banner", "--format", format, "--out", &out];
            let output = run(&[&targets[..], &options].concat());
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        }
        let mut expected: Vec<String> = listeners
            .ports
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .chain(other.ports.iter().map(|port| format!("::1:{port}")))
            .collect();
        expected.sort();

        let valid = Command::new("xmllint")
            .args(["--noout", "--dtdvalid", DTD])
            .arg(folder.path().join("scan.xml"))
            .output()
            .unwrap();
        assert!(valid.status.success(), "{}", stderr(&valid));
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = std::env::var("PORTSCAN_IMPORTERS").unwrap_or("python3".to_string());
        let read = Command::new(python)
            .arg(package.join("tests/importers/read.py"))
            .arg(folder.path())
            .arg(package.join("schema/report.json"))
            .output()
            .unwrap();
        assert!(read.status.success(), "{}", stderr(&read));
        let lines = ["json", "jsonl", "libnmap", "python-nmap"];
        let lines = lines.map(|reader| format!("{reader} {}\n", expected.join(" ")));
        assert_eq!(stdout(&read), lines.concat());
    });
}
