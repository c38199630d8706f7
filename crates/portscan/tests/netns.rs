//! Scans of another machine: a network namespace behind a slow link (`slowlink/slowlink.c`).
//!
//! The runs of each lossy and each slow link are 3, so that all tests end in about two minutes. More:
//! `PORTSCAN_RUNS=20 cargo test --release -p portscan --test netns -- --nocapture`
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

mod common;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use std::{env, process, thread};

use common::{Listeners, open_ports, scan, scan_all};
use portscan::engine::Outcome;
use portscan::ports::Ports;
use portscan::schedule::Limits;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

const FAR: &str = "10.200.0.2";
const FAR6: &str = "fd00:200::2";

/// 50 ms there and back.
const DELAY: [&str; 2] = ["--delay-us", "25000"];

fn runs() -> u32 {
    env::var("PORTSCAN_RUNS").map_or(3, |runs| runs.parse().expect("PORTSCAN_RUNS is a number"))
}

/// One link at a time: they share the processors with the scanner, and time is part of what is tested.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a test again where it may make namespaces: as root here, else as root of a user namespace of its own.
///
/// A process with threads cannot enter a user namespace, so that is another process, with this one test.
fn with_rights(name: &str, test: impl FnOnce()) {
    let _alone = alone();
    if rustix::process::geteuid().is_root() {
        return test();
    }
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .status()
        .unwrap();
    assert!(status.success(), "see above");
}

/// The link's program, compiled once.
fn slowlink() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let program = folder.join(format!("slowlink-{}", process::id()));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/slowlink/slowlink.c");
        let status = Command::new("cc")
            .args(["-O2", "-pthread", "-o"])
            .arg(&program)
            .arg(source)
            .status()
            .unwrap();
        assert!(status.success(), "cc failed");
        program
    })
}

/// A link with a namespace at either end. Its process ends, and the namespaces with it, when its stdin is closed.
struct Link {
    process: Child,
    near: File,
    far: File,
}

impl Link {
    fn new(options: &[&str]) -> Self {
        let mut process = Command::new("unshare")
            .arg("--net")
            .arg(slowlink())
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let namespace = |pid: &str| File::open(format!("/proc/{pid}/ns/net")).unwrap();
        let (near, far) = line
            .trim()
            .split_once(' ')
            .expect("slowlink prints two process ids");
        Link {
            near: namespace(near),
            far: namespace(far),
            process,
        }
    }

    fn near<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        inside(&self.near, run)
    }

    fn far<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        inside(&self.far, run)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _its_code_says_nothing = self.process.wait();
    }
}

/// Runs something on a thread that is in another namespace; what it starts is there too.
fn inside<T: Send>(namespace: &File, run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            use std::os::fd::AsFd;
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            run()
        });
        thread.join().unwrap()
    })
}

/// Ports 1 and 65535 and 18 others.
fn twenty_ports() -> BTreeSet<u16> {
    let mut ports = BTreeSet::from([1, 65535]);
    while ports.len() < 20 {
        ports.insert(rand::random_range(2..=65534));
    }
    ports
}

/// How the far side treats ports on which nobody listens.
#[derive(Clone, Copy, PartialEq)]
enum Rest {
    Closed,
    Filtered,
}

/// Scans all ports of the far side, `runs` times, each time with other listeners; all must be found, and nothing else.
fn scans_are_exact(link: &[&str], rest: Rest, ip: &str, runs: u32) -> Vec<Outcome> {
    let ip: IpAddr = ip.parse().unwrap();
    (1..=runs)
        .map(|run| {
            let ports = twenty_ports();
            let words: Vec<String> = ports.iter().map(u16::to_string).collect();
            let (only, seed) = (words.join(","), rand::random::<u32>().to_string());
            let mut options = link.to_vec();
            options.extend(["--seed", &seed]);
            if rest == Rest::Filtered {
                options.extend(["--only", &only]);
            }
            let link = Link::new(&options);
            let wanted: Vec<u16> = ports.iter().copied().collect();
            let _listeners = link.far(|| Listeners::new(ip, 20, &wanted));
            let outcome = link.near(|| scan_all(ip));
            let found = open_ports(&outcome);
            let missed: Vec<_> = ports.difference(&found).collect();
            let invented: Vec<_> = found.difference(&ports).collect();
            let counts = outcome.findings.counts[&0];
            println!(
                "run {run} (seed {seed}): missed {missed:?}, false {invented:?}, {:.2} s, {counts:?}, loss {:.2} %",
                outcome.time.as_secs_f64(),
                outcome.losses.share().unwrap_or(0.0) * 100.0
            );
            assert!(missed.is_empty() && invented.is_empty());
            assert_eq!(counts.all(), 65535);
            outcome
        })
        .collect()
}

#[test]
#[cfg_attr(
    no_netns,
    ignore = "needs Linux, cc, and the right to make network namespaces and tun devices"
)]
fn closed_ports_50_ms_away() {
    with_rights("closed_ports_50_ms_away", || {
        for ip in [FAR, FAR6] {
            for outcome in scans_are_exact(&DELAY, Rest::Closed, ip, 1) {
                assert_eq!(outcome.findings.counts[&0].closed, 65515);
                let (least, _) = outcome.round_trip.unwrap();
                assert!(
                    (50..60).contains(&least.as_millis()),
                    "round trip {least:?}"
                );
            }
        }
    });
}

#[test]
#[cfg_attr(
    no_netns,
    ignore = "needs Linux, cc, and the right to make network namespaces and tun devices"
)]
fn filtered_ports_50_ms_away() {
    with_rights("filtered_ports_50_ms_away", || {
        for outcome in scans_are_exact(&DELAY, Rest::Filtered, FAR, 2) {
            assert_eq!(outcome.findings.counts[&0].filtered, 65515);
        }
    });
}

#[test]
#[cfg_attr(
    no_netns,
    ignore = "needs Linux, cc, and the right to make network namespaces and tun devices"
)]
fn closed_ports_with_one_percent_loss_each_way() {
    with_rights("closed_ports_with_one_percent_loss_each_way", || {
        let link = [&DELAY[..], &["--loss-ppm", "10000"]].concat();
        for outcome in scans_are_exact(&link, Rest::Closed, FAR, runs()) {
            // 1 - 0.99² of the probes: 1.99 %.
            let loss = outcome.losses.share().unwrap();
            assert!((0.015..0.03).contains(&loss), "loss {loss}");
            assert_eq!(outcome.tries, 3);
        }
    });
}

#[test]
#[cfg_attr(
    no_netns,
    ignore = "needs Linux, cc, and the right to make network namespaces and tun devices"
)]
fn filtered_ports_with_one_percent_loss_each_way() {
    with_rights("filtered_ports_with_one_percent_loss_each_way", || {
        let link = [&DELAY[..], &["--loss-ppm", "10000"]].concat();
        scans_are_exact(&link, Rest::Filtered, FAR, runs());
    });
}

#[test]
#[cfg_attr(
    no_netns,
    ignore = "needs Linux, cc, and the right to make network namespaces and tun devices"
)]
fn a_link_of_10_mbit_per_s_with_a_queue_of_1700_packets() {
    with_rights(
        "a_link_of_10_mbit_per_s_with_a_queue_of_1700_packets",
        || {
            let link = [&DELAY[..], &["--rate-bps", "10000000", "--queue", "1700"]].concat();
            for outcome in scans_are_exact(&link, Rest::Closed, FAR, runs()) {
                assert_eq!(outcome.findings.counts[&0].closed, 65515);
            }
        },
    );
}

#[test]
#[cfg_attr(
    no_netns,
    ignore = "needs Linux, cc, and the right to make network namespaces and tun devices"
)]
fn a_target_that_limits_its_refusals_is_asked_again_until_closed_is_known_from_filtered() {
    let name =
        "a_target_that_limits_its_refusals_is_asked_again_until_closed_is_known_from_filtered";
    with_rights(name, || {
        let link = Link::new(&[&DELAY[..], &["--refusals", "2000"]].concat());
        let ip: IpAddr = FAR.parse().unwrap();
        let listeners = link.far(|| Listeners::new(ip, 20, &[1, 65535]));
        // A part of the ports: at 2,000 a second all of them take three quarters of a minute.
        let ports: Ports = (1..=10_000)
            .chain(listeners.ports.iter().copied())
            .collect();
        let outcome = link.near(|| scan(&[ip], &ports, Limits::default()));
        assert_eq!(open_ports(&outcome), listeners.ports);
        let counts = outcome.findings.counts[&0];
        assert_eq!(
            (counts.closed as usize, counts.filtered),
            (ports.len() - 20, 0)
        );
        assert!(outcome.limited_to.is_some(), "the limit is told");
    });
}

#[test]
#[cfg_attr(
    no_netns,
    ignore = "needs Linux, cc, and the right to make network namespaces and tun devices"
)]
fn with_1024_descriptors_filtered_ports_take_seconds() {
    with_rights("with_1024_descriptors_filtered_ports_take_seconds", || {
        let ports = twenty_ports();
        let words: Vec<String> = ports.iter().map(u16::to_string).collect();
        let link = Link::new(&[&DELAY[..], &["--only", &words.join(",")]].concat());
        let wanted: Vec<u16> = ports.iter().copied().collect();
        let _listeners = link.far(|| Listeners::new(FAR.parse().unwrap(), 20, &wanted));
        let began = Instant::now();
        let output = link.near(|| {
            Command::new("sh")
                .args([
                    "-c",
                    "ulimit -n 1024 && exec \"$0\" \"$@\"",
                    env!("CARGO_BIN_EXE_portscan"),
                ])
                .args([FAR, "--format", "json"])
                .output()
                .unwrap()
        });
        let time = began.elapsed();
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found: BTreeSet<u16> = json["hosts"][0]["ports"]
            .as_array()
            .unwrap()
            .iter()
            .map(|port| u16::try_from(port["port"].as_u64().unwrap()).unwrap())
            .collect();
        assert_eq!(found, ports);
        assert_eq!(json["scan"]["counts"]["filtered"], 65515);
        // 1,024 sockets that wait 0.1 s each make 10,000 probes a second, and 13 s.
        assert!(time < Duration::from_secs(12), "{time:?}");
    });
}

#[test]
#[cfg_attr(
    no_netns,
    ignore = "needs Linux, cc, and the right to make network namespaces and tun devices"
)]
fn a_mute_host_is_told_to_be_uncertain_and_a_missing_one_is_unreachable() {
    with_rights(
        "a_mute_host_is_told_to_be_uncertain_and_a_missing_one_is_unreachable",
        || {
            let link = Link::new(&[&DELAY[..], &["--only", "0"]].concat());
            let run = |target: &str| {
                let output = link.near(|| {
                    Command::new(env!("CARGO_BIN_EXE_portscan"))
                        .args([target, "--ports", "20-29"])
                        .output()
                        .unwrap()
                });
                String::from_utf8(output.stdout).unwrap()
            };
            let mute = run(FAR);
            assert!(mute.contains("10 filtered"), "{mute}");
            assert!(
                mute.contains("uncertain: 1 host gave no answer at all"),
                "{mute}"
            );
            // No route leads out of the namespace.
            let missing = run("10.99.0.1");
            assert!(missing.contains("10 unreachable"), "{missing}");
        },
    );
}
