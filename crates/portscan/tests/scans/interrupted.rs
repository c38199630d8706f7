//! Scans that are interrupted, even killed, and continued: every port is known once, and no time is
//! lost but that since the last save.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use portscan::findings::Counts;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::command::{path_in, portscan, run, stderr, stdout};
#[cfg(target_os = "linux")]
use crate::link::{Link, with_link};
use crate::listeners::Listeners;
use crate::namespace::{in_own_network, test_name};

fn started(arguments: &[&str]) -> Child {
    portscan(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn end(child: Child, signal: Signal) -> Output {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
    child.wait_with_output().unwrap()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap_or_else(|_| panic!("{}", stderr(output)))
}

/// The open ports of a report in JSON; all so many ports of its one host are counted.
fn whole(report: &Value, all: u64) -> BTreeSet<u16> {
    let host = &report["hosts"][0];
    assert_eq!(host["unknown"], 0, "{report}");
    let counts = host["counts"].as_object().unwrap().values();
    assert_eq!(
        counts.map(|count| count.as_u64().unwrap()).sum::<u64>(),
        all
    );
    let ports = host["ports"].as_array().unwrap().iter();
    ports
        .map(|port| u16::try_from(port["port"].as_u64().unwrap()).unwrap())
        .collect()
}

/// Ports, and how many of them a second, so that a scan takes seconds.
const PORTS: u16 = 20_000;
const RATE: u64 = 4000;

/// Interrupts a scan at three random moments, then lets it end.
fn interrupted(number: u8, signal: Signal) {
    let ip = format!("127.0.11.{number}");
    let open: Vec<u16> = (0..19)
        .map(|number| 1 + 1000 * number)
        .chain([PORTS])
        .collect();
    let listeners = Listeners::new(ip.parse().unwrap(), 20, &open);
    let folder = tempfile::tempdir().unwrap();
    let file = path_in(&folder, "scan.resume");
    let (rate, ports) = (RATE.to_string(), format!("1-{PORTS}"));
    let begin = [&ip, "-p", &ports, "--rate", &rate];
    let begin = [&begin[..], &["--format", "json", "--resume", &file]].concat();
    let begin = begin.as_slice();
    let resume = ["--resume", &file];
    for _ in 0..3 {
        let saved = fs::exists(&file).unwrap();
        let child = started(if saved { &resume } else { begin });
        // A random moment, among them those before the handler and after the last port.
        thread::sleep(Duration::from_millis(rand::random_range(1..4000)));
        let output = end(child, signal);
        if output.status.code() == Some(0) {
            assert_eq!(whole(&json_of(&output), PORTS.into()), listeners.ports);
            assert!(!Path::new(&file).exists(), "a finished scan leaves no file");
            return;
        }
    }
    let saved = fs::exists(&file).unwrap();
    let left = saved.then(|| left_in(&file, PORTS.into()));
    let began = Instant::now();
    let output = run(if saved { &resume } else { begin });
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(
        whole(&json_of(&output), PORTS.into()),
        listeners.ports,
        "by {signal:?}"
    );
    assert!(!Path::new(&file).exists(), "a finished scan leaves no file");
    println!("{signal:?}: {left:?} ports left, {:.2?}", began.elapsed());
    if let Some(left) = left {
        let most = Duration::from_millis(1100 * left / RATE + 3000);
        assert!(
            began.elapsed() < most,
            "{left} ports in {:?}",
            began.elapsed()
        );
    }
}

/// The ports of so many that a resume file leaves to be scanned.
fn left_in(file: &str, all: u64) -> u64 {
    let saved = portscan::resume::Saved::load(Path::new(file)).unwrap();
    let known: u64 = saved.findings.counts.values().map(Counts::all).sum();
    all - known
}

#[test]
#[ignore = "long"]
fn thirty_scans_that_are_interrupted_at_random_know_every_port_once() {
    in_own_network(test_name!(), || {
        thread::scope(|scope| {
            for lane in 0..10 {
                scope.spawn(move || {
                    for step in 0..3 {
                        let number = 1 + lane * 3 + step;
                        let signals = [Signal::INT, Signal::TERM, Signal::KILL];
                        interrupted(number, signals[usize::from(number) % 3]);
                    }
                });
            }
        });
    });
}

#[test]
fn a_killed_scan_loses_seconds_and_keeps_its_options_and_names() {
    in_own_network(test_name!(), || {
        let listeners = Listeners::new("127.0.0.1".parse().unwrap(), 10, &[]);
        let folder = tempfile::tempdir().unwrap();
        let out = path_in(&folder, "report.json");
        let mut child = portscan(&["localhost", "-4", "--banner", "--rate", "15000"])
            .args(["--format", "json", "--out", &out])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let file = folder.path().join("portscan.resume");
        let began = Instant::now();
        while !file.exists() {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "it is never saved"
            );
            assert!(
                child.try_wait().unwrap().is_none(),
                "it ended before it was saved"
            );
            thread::yield_now();
        }
        end(child, Signal::KILL);

        let output = portscan(&["--resume", "portscan.resume"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let report: Value = serde_json::from_str(&fs::read_to_string(&out).unwrap()).unwrap();
        assert_eq!(report["hosts"][0]["name"], "localhost");
        assert_eq!(whole(&report, 65535), listeners.ports);
        assert!(!file.exists(), "a finished scan leaves no file");
    });
}

#[test]
fn the_file_of_another_scan_stays_as_it_is() {
    in_own_network(test_name!(), || {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("portscan.resume"), "another").unwrap();
        let mut child = portscan(&["127.0.0.1", "--rate", "100"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let second = folder.path().join("portscan-2.resume");
        let began = Instant::now();
        while !second.exists() {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "it is never saved"
            );
            assert!(child.try_wait().unwrap().is_none());
            thread::yield_now();
        }
        let output = end(child, Signal::INT);
        let told = stderr(&output);
        assert!(
            told.contains("portscan --resume portscan-2.resume"),
            "{told}"
        );
        let first = fs::read_to_string(folder.path().join("portscan.resume")).unwrap();
        assert_eq!(first, "another");
    });
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "long; .ci/run scans"]
fn ports_that_an_interrupted_scan_had_in_hand_take_no_longer_than_in_a_whole_one() {
    const FAR: &str = "10.200.0.2";
    with_link(test_name!(), || {
        // Two ports answer, after 50 ms; all others are silent.
        let link = Link::new(&["--delay-us", "25000", "--only", "20000,20001"]);
        let _listeners = link.far(|| Listeners::new(FAR.parse().unwrap(), 2, &[20000, 20001]));
        let seconds = |output: &Output| json_of(output)["scan"]["seconds"].as_f64().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = path_in(&folder, "scan.resume");
        let all = [FAR, "--format", "json"];
        let entire = link.near(|| run(&all));
        let output = link.near(|| {
            let child = started(&[&all[..], &["--resume", &file]].concat());
            // Each port has been tried by then, and most are being waited for.
            thread::sleep(Duration::from_secs_f64(seconds(&entire) / 2.0));
            end(child, Signal::INT)
        });
        if output.status.success() {
            println!("the scan was over before it could be interrupted: nothing is left to resume");
            return;
        }
        assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
        let left = left_in(&file, 65535);
        let resumed = link.near(|| run(&["--resume", &file]));
        assert_eq!(json_of(&resumed)["scan"]["counts"]["filtered"], 65533);
        let (whole, rest) = (seconds(&entire), seconds(&resumed));
        // Other tests run next to this one, on a machine that may be busy.
        // Without a port that answers it would be 22 s.
        println!("the whole scan: {whole:.2} s, the rest of {left} ports: {rest:.2} s");
        assert!(
            rest < 2.0 * whole + 8.0,
            "{rest} s where the whole takes {whole} s"
        );
    });
}
