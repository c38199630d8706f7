//! What leaves this machine: never more SYNs than the rate allows, and to no port more than the
//! tries.
//!
//! Two witnesses count, who do not know of each other: the link, which writes the time of each SYN,
//! and nftables at the near end, whose counters are looked at again and again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::field::{FAR, each_run, each_run_alone, listen, scan};
use crate::link::{Link, guard, nft};
use crate::namespace::test_name;

/// What nftables has counted at the near end.
#[derive(Debug)]
struct Seen {
    /// The most SYNs between two looks of which the first began at most a second before the second
    /// was over.
    a_second: u64,
    all: u64,
    to_a_port: u64,
}

/// Does the work while nftables counts the SYNs that go out.
fn watched<T>(link: &Link, work: impl FnOnce() -> T) -> (T, Seen) {
    const LOOK_EVERY: Duration = Duration::from_millis(50);
    const RULES: &str = "table inet witness {
        set ports { type inet_service; size 65535; flags dynamic; counter; }
        counter syns { }
        chain output {
            type filter hook output priority 0;
            tcp flags & (syn | ack) == syn counter name syns update @ports { tcp dport }
        }
    }\n";
    link.near(|| nft(RULES));
    let (over, wait) = mpsc::channel::<()>();
    let (done, looks) = thread::scope(|scope| {
        let looks = scope.spawn(move || {
            let mut looks = Vec::new();
            loop {
                let ended = wait.recv_timeout(LOOK_EVERY) != Err(RecvTimeoutError::Timeout);
                let began = Instant::now();
                let listed = listed(link, &["counter", "inet", "witness", "syns"]);
                let count = listed[1]["counter"]["packets"].as_u64().unwrap();
                looks.push((began, Instant::now(), count));
                if ended {
                    return looks;
                }
            }
        });
        let done = work();
        drop(over);
        (done, looks.join().unwrap())
    });
    let within = |first: usize| {
        let (began, _, count) = looks[first];
        let last = looks.partition_point(|look| look.1 <= began + Duration::from_secs(1));
        let last = last.checked_sub(1).filter(|last| *last > first);
        last.map_or(0, |last| looks[last].2 - count)
    };
    let ports = listed(link, &["set", "inet", "witness", "ports"]);
    let ports: Vec<u64> = ports[1]["set"]["elem"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| port["elem"]["counter"]["packets"].as_u64().unwrap())
        .collect();
    let seen = Seen {
        a_second: (0..looks.len()).map(within).max().unwrap_or(0),
        all: looks.last().unwrap().2,
        to_a_port: ports.iter().max().copied().unwrap_or(0),
    };
    assert_eq!(seen.all, ports.iter().sum::<u64>());
    (done, seen)
}

fn listed(link: &Link, what: &[&str]) -> Value {
    let output = link.near(|| {
        let mut nft = Command::new("nft");
        nft.args(["--json", "list"]).args(what).output().unwrap()
    });
    let mut listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    listed["nftables"].take()
}

/// The SYNs that the link has carried: when, and to which port.
fn logged(log: &Path) -> Vec<(Duration, u16)> {
    let text = fs::read_to_string(log).unwrap();
    let lines = text.lines().map(|line| line.split_once(' ').unwrap());
    lines
        .map(|(time, port)| {
            let time = Duration::from_nanos(time.parse().unwrap());
            (time, port.parse().unwrap())
        })
        .collect()
}

/// The most SYNs in any second.
fn most_in_a_second(syns: &[(Duration, u16)]) -> usize {
    let in_the_second_from = |first: usize| {
        let end = syns[first].0 + Duration::from_secs(1);
        syns.partition_point(|syn| syn.0 < end) - first
    };
    (0..syns.len()).map(in_the_second_from).max().unwrap_or(0)
}

/// The most SYNs to one port.
fn most_to_a_port(syns: &[(Duration, u16)]) -> usize {
    let mut ports = BTreeMap::new();
    for (_, port) in syns {
        *ports.entry(port).or_insert(0) += 1;
    }
    ports.into_values().max().unwrap_or(0)
}

/// Options, what the far side does with the SYNs, the ports, the rate, the SYNs to a port.
const SET_UPS: [(&str, &str, &str, usize, usize); 8] = [
    ("--rate 500 --tries 2", "drop", "1-600", 500, 2),
    ("--rate 100 --tries 1 --timeout 10", "drop", "1-200", 100, 1),
    ("--rate 100 --timeout 3 --tries 3", "drop", "1-60", 100, 3),
    ("--rate 1000 --tries 3", "accept", "1-2000", 1000, 3),
    (
        "--rate 300 --tries 2",
        "limit rate over 25/second burst 50 packets drop",
        "1-300",
        300,
        2,
    ),
    ("--rate 200 --tries 5 --timeout 0.5", "drop", "1-50", 200, 5),
    // A banner is one connection more.
    ("--rate 50 --tries 1 --banner", "accept", "1-100", 50, 2),
    (
        "--rate 2000 --tries 4",
        "tcp dport > 500 drop",
        "1-1000",
        2000,
        4,
    ),
];

#[test]
#[ignore = "long; .ci/run scans"]
fn the_rate_and_the_tries_hold_on_the_wire() {
    each_run_alone(test_name!(), || {
        thread::scope(|scope| {
            for set_ups in SET_UPS.chunks(2) {
                scope.spawn(|| set_ups.iter().for_each(holds));
            }
        });
    });
}

fn holds(set_up: &(&str, &str, &str, usize, usize)) {
    let (options, rule, ports, rate, tries) = *set_up;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("syns");
    let link = Link::new(&["--delay-us", "10000", "--log", log.to_str().unwrap()]);
    let _listeners = listen(&link, &[7, 30]);
    guard(&link, rule);
    let mut arguments = vec![FAR, "--ports", ports];
    arguments.extend(options.split(' '));
    let (report, seen) = watched(&link, || scan(&link, &arguments));
    let syns = logged(&log);
    let (a_second, a_port) = (most_in_a_second(&syns), most_to_a_port(&syns));
    println!(
        "{options}, {rule}: {:.1} s, {} SYNs, {a_second} in a second, {a_port} to a port; {seen:?}",
        report.time.as_secs_f64(),
        syns.len()
    );
    let is = format!("{options}, {rule}");
    assert!(syns.len() >= 50, "the link has seen {} SYNs", syns.len());
    // The link takes the time when it reads a packet: on a busy machine several come at once.
    assert!(a_second <= rate + rate / 20, "{is}: {a_second} in a second");
    assert!(a_port <= tries, "{is}: {a_port} to a port");
    assert_eq!(seen.all, syns.len() as u64, "{is}: {seen:?}");
    assert!(seen.a_second <= rate as u64, "{is}: {seen:?}");
    assert!(seen.to_a_port <= tries as u64, "{is}: {seen:?}");
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_rate_below_one_is_kept_banners_included() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("syns");
    each_run(test_name!(), || {
        let link = Link::new(&["--log", log.to_str().unwrap()]);
        let listeners = listen(&link, &[7]);
        let report = scan(&link, &[FAR, "-p", "7,9", "--rate", "0.5", "--banner"]);
        assert_eq!(report.ports(FAR, "open"), listeners.ports);
        let syns = logged(&log);
        let pairs = syns.windows(2);
        let least = pairs.map(|pair| pair[1].0 - pair[0].0).min();
        println!("{:?}, {syns:?}", report.time);
        assert_eq!(syns.len(), 3, "two ports, and the banner of one");
        assert!(least >= Some(Duration::from_secs(2)), "{least:?}");
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn nftables_tells_a_rate_that_is_exceeded() {
    each_run(test_name!(), || {
        let link = Link::new(&["--delay-us", "10000"]);
        let options = [FAR, "--rate", "200", "--ports", "1-300", "--tries", "1"];
        let (_, seen) = watched(&link, || scan(&link, &options));
        assert_eq!(seen.all, 300);
        assert!(seen.a_second > 100, "{seen:?}");
    });
}
