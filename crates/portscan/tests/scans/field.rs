//! Networks in which scanners were reported to be wrong, slow or rude: each report is a test. What
//! a scan misses has to be in doubt, for its host.
//!
//! Each is scanned once; `PORTSCAN_RUNS=10` repeats it. They are long: `.ci/run scans`.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::link::{Link, beside_others, guard, nft, no_nft, with_link};
use crate::listeners::{Listeners, many};
use crate::namespace::test_name;

pub(crate) const FAR: &str = "10.200.0.2";

/// A report in JSON, and how long it took.
pub(crate) struct Report {
    pub(crate) json: Value,
    pub(crate) time: Duration,
}

impl Report {
    pub(crate) fn ports(&self, address: &str, state: &str) -> BTreeSet<u16> {
        let host = self.host(address);
        let ports = host["ports"].as_array().unwrap();
        let ports = ports.iter().filter(|port| port["state"] == state);
        ports
            .map(|port| u16::try_from(port["port"].as_u64().unwrap()).unwrap())
            .collect()
    }

    fn host(&self, address: &str) -> &Value {
        let hosts = self.json["hosts"].as_array().unwrap();
        let host = hosts.iter().find(|host| host["address"] == address);
        host.unwrap_or_else(|| panic!("{address} is not in {}", self.json))
    }

    fn doubts(&self, address: &str) -> String {
        self.host(address)["uncertain"].to_string()
    }

    fn count(&self, address: &str, state: &str) -> u64 {
        self.host(address)["counts"][state].as_u64().unwrap()
    }

    /// All open ports were found and no other, or the host is in doubt; never an open port that is
    /// none.
    fn is_right(&self, address: &str, open: &BTreeSet<u16>) {
        let found = self.ports(address, "open");
        let missed: Vec<_> = open.difference(&found).collect();
        let doubts = self.doubts(address);
        println!(
            "{:.1} s, missed {missed:?}, doubts {doubts}, {}",
            self.time.as_secs_f64(),
            self.host(address)["counts"]
        );
        assert!(found.is_subset(open), "false: {:?}", found.difference(open));
        assert!(
            missed.is_empty() || doubts != "[]",
            "missed {missed:?} without a doubt"
        );
    }
}

fn start(link: &Link, arguments: &[&str]) -> (Child, Instant) {
    let child = link.near(|| {
        Command::new(env!("CARGO_BIN_EXE_portscan"))
            .args(arguments)
            .args(["--format", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .spawn()
            .unwrap()
    });
    (child, Instant::now())
}

fn end((child, began): (Child, Instant)) -> Report {
    let output = child.wait_with_output().unwrap();
    Report {
        time: began.elapsed(),
        json: serde_json::from_slice(&output.stdout).unwrap(),
    }
}

pub(crate) fn scan(link: &Link, arguments: &[&str]) -> Report {
    end(start(link, arguments))
}

/// Runs a test of a network, several times where that is asked for, beside others.
pub(crate) fn each_run(name: &str, test: impl Fn()) {
    beside_others(name, || runs(test));
}

/// The same for a scan of very many ports.
pub(crate) fn each_run_alone(name: &str, test: impl Fn()) {
    with_link(name, || runs(test));
}

fn runs(test: impl Fn()) {
    if let Some(why) = no_nft() {
        println!("not tested without nftables: {why}");
        return;
    }
    for _ in 0..many(1) {
        test();
    }
}

pub(crate) fn listen(link: &Link, ports: &[u16]) -> Listeners {
    link.far(|| Listeners::new(FAR.parse::<IpAddr>().unwrap(), ports.len(), ports))
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status();
    assert!(status.unwrap().success(), "ip {arguments} failed");
}

/// So many ports from 1 on that are far from each other.
fn spread(count: u16, below: u16) -> Vec<u16> {
    (0..count)
        .map(|number| 1 + number * (below / count))
        .collect()
}

#[test]
#[ignore = "long; .ci/run scans"]
fn refusals_from_nearby_do_not_hide_a_far_host() {
    each_run(test_name!(), || {
        let link = Link::new(&["--delay-us", "75000"]);
        let listeners = listen(&link, &[22, 80, 443, 8080]);
        link.near(|| {
            nft("table inet near { chain output { type filter hook output priority 0; \
                 tcp flags & (syn | ack) == syn tcp dport != { 22, 80, 443, 8080 } reject with tcp reset\n }\n }\n");
        });
        let report = scan(&link, &[FAR, "--top", "100"]);
        report.is_right(FAR, &listeners.ports);
        assert_eq!(report.ports(FAR, "open"), listeners.ports);
        assert!(report.time < Duration::from_secs(10), "{:?}", report.time);
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_guard_against_syn_floods_hides_no_port() {
    each_run(test_name!(), || {
        let link = Link::new(&["--delay-us", "10000"]);
        let listeners = listen(&link, &spread(20, 300));
        guard(&link, "limit rate over 25/second burst 50 packets drop");
        let report = scan(&link, &[FAR, "--ports", "1-300"]);
        report.is_right(FAR, &listeners.ports);
        assert_eq!(report.ports(FAR, "open"), listeners.ports);
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_guard_that_would_take_too_long_is_told() {
    each_run(test_name!(), || {
        let link = Link::new(&["--delay-us", "10000"]);
        let listeners = listen(&link, &spread(20, 20_000));
        guard(&link, "limit rate over 25/second burst 50 packets drop");
        let report = scan(&link, &[FAR, "--ports", "1-20000"]);
        report.is_right(FAR, &listeners.ports);
        assert!(
            report.doubts(FAR).contains("--rate"),
            "{}",
            report.doubts(FAR)
        );
        assert!(report.time < Duration::from_secs(60), "{:?}", report.time);
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_link_that_is_down_for_a_second_is_no_result() {
    each_run_alone(test_name!(), || {
        let link = Link::new(&["--delay-us", "5000"]);
        let listeners = listen(&link, &spread(20, 10_000));
        let running = start(&link, &[FAR, "--rate", "5000", "--ports", "1-10000"]);
        std::thread::sleep(Duration::from_millis(500));
        link.near(|| ip("link set slow0 down"));
        std::thread::sleep(Duration::from_secs(1));
        link.near(|| ip("link set slow0 up"));
        let report = end(running);
        report.is_right(FAR, &listeners.ports);
        assert_eq!(report.ports(FAR, "open"), listeners.ports);
        assert_eq!(report.count(FAR, "unreachable"), 0);
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_route_that_is_gone_for_half_a_second_is_no_result() {
    each_run_alone(test_name!(), || {
        let link = Link::new(&["--delay-us", "5000"]);
        let listeners = listen(&link, &spread(20, 65_000));
        let running = start(&link, &[FAR]);
        std::thread::sleep(Duration::from_millis(300));
        link.near(|| ip("route del 10.200.0.0/24 dev slow0"));
        std::thread::sleep(Duration::from_millis(500));
        link.near(|| ip("route add 10.200.0.0/24 dev slow0"));
        let report = end(running);
        report.is_right(FAR, &listeners.ports);
        assert_eq!(report.ports(FAR, "open"), listeners.ports);
        assert_eq!(report.count(FAR, "unreachable"), 0);
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_host_that_dies_or_blocks_is_given_up_in_seconds_and_said_so() {
    each_run(test_name!(), || {
        let link = Link::new(&["--delay-us", "5000"]);
        let listeners = listen(&link, &spread(20, 2000));
        // 200 SYNs of 60 bytes each.
        guard(&link, "quota over 12000 bytes drop");
        let report = scan(&link, &[FAR, "--ports", "1-2000"]);
        report.is_right(FAR, &listeners.ports);
        assert!(
            report.doubts(FAR).contains("fell silent"),
            "{}",
            report.doubts(FAR)
        );
        assert!(report.time < Duration::from_secs(20), "{:?}", report.time);
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn loss_of_30_percent_is_loss_and_no_limit() {
    each_run(test_name!(), || {
        let link = Link::new(&["--delay-us", "10000", "--loss-ppm", "160000"]);
        let listeners = listen(&link, &spread(20, 1000));
        let report = scan(&link, &[FAR, "--ports", "1-1000"]);
        report.is_right(FAR, &listeners.ports);
        assert!(
            report.json["scan"]["answers_per_second"].is_null(),
            "{}",
            report.json["scan"]
        );
        assert!(report.time < Duration::from_secs(30), "{:?}", report.time);
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_proxy_that_accepts_every_connection_is_in_doubt() {
    each_run(test_name!(), || {
        let link = Link::new(&["--delay-us", "5000"]);
        let _listeners = listen(&link, &[7]);
        link.far(|| {
            nft(
                "table ip proxy { chain prerouting { type nat hook prerouting priority dstnat; \
                 tcp dport 1-65535 redirect to :7\n }\n }\n",
            );
        });
        let report = scan(&link, &[FAR, "--ports", "1-1000"]);
        assert_eq!(report.count(FAR, "open"), 1000);
        assert!(
            report.doubts(FAR).contains("SYN proxy"),
            "{}",
            report.doubts(FAR)
        );
        assert!(report.json["uncertain"].to_string().contains("SYN proxy"));
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_target_that_cannot_be_sent_to_costs_the_others_nothing() {
    each_run_alone(test_name!(), || {
        let link = Link::new(&["--delay-us", "5000"]);
        let listeners = listen(&link, &spread(20, 60_000));
        link.near(|| {
            fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").unwrap();
        });
        let alone = scan(&link, &[FAR]);
        let both = scan(&link, &[FAR, "fd00:200::2", "10.99.0.1"]);
        assert_eq!(both.ports(FAR, "open"), listeners.ports);
        assert_eq!(both.count("fd00:200::2", "unreachable"), 65_535);
        assert!(
            both.doubts("10.99.0.1").contains("no way to it"),
            "{}",
            both.json
        );
        assert!(
            both.time < 2 * alone.time + Duration::from_secs(3),
            "{:?} alone, {:?} with the others",
            alone.time,
            both.time
        );
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn closed_ports_are_not_called_filtered_on_a_busy_machine() {
    each_run_alone(test_name!(), || {
        let link = Link::new(&["--delay-us", "25000"]);
        let listeners = listen(&link, &spread(20, 60_000));
        let mut busy: Vec<Child> = (0..2)
            .map(|_| {
                Command::new("sh")
                    .args(["-c", "while :; do :; done"])
                    .spawn()
                    .unwrap()
            })
            .collect();
        let report = scan(&link, &[FAR]);
        for child in &mut busy {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        report.is_right(FAR, &listeners.ports);
        assert!(
            report.count(FAR, "filtered") == 0 || report.doubts(FAR) != "[]",
            "{}",
            report.host(FAR)
        );
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn hosts_that_are_not_there_are_noticed_and_not_asked_port_by_port() {
    beside_others(test_name!(), || {
        let link = Link::cable();
        let listeners = listen(&link, &spread(20, 1000));
        let report = scan(&link, &["10.200.0.0/24", "--ports", "1-1000"]);
        println!("{:?}", report.time);
        assert_eq!(report.ports(FAR, "open"), listeners.ports);
        assert_eq!(report.count("10.200.0.77", "unreachable"), 1000);
        assert!(report.doubts("10.200.0.77").contains("ARP"));
        assert!(report.time < Duration::from_secs(4), "{:?}", report.time);
        if let Ok(nmap) = Command::new("nmap").arg("--version").output()
            && nmap.status.success()
        {
            let began = Instant::now();
            let ran = link.near(|| {
                Command::new("nmap")
                    .args(["-n", "-T4", "-sT", "-p", "1-1000", "10.200.0.0/24"])
                    .output()
                    .unwrap()
            });
            assert!(ran.status.success());
            let theirs = began.elapsed();
            println!("nmap: {theirs:?}");
            assert!(
                report.time < theirs * 3 / 2,
                "{:?}, nmap {theirs:?}",
                report.time
            );
        }
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_network_larger_than_the_table_of_neighbors_is_scanned_in_seconds() {
    beside_others(test_name!(), || {
        let link = Link::cable();
        // 2,048 addresses, where the system's table holds 1,024 (`gc_thresh3`).
        link.near(|| ip("address add 10.200.8.1/21 dev slow0"));
        link.far(|| ip("address add 10.200.8.2/21 dev slow0"));
        let listeners =
            link.far(|| Listeners::new("10.200.8.2".parse().unwrap(), 5, &[1, 7, 30, 50, 100]));
        let report = scan(&link, &["10.200.8.0/21", "--ports", "1-100"]);
        let missing = report.json["hosts"].as_array().unwrap().iter();
        let missing = missing.filter(|host| host["uncertain"].to_string().contains("ARP"));
        let missing = missing.count();
        println!("{:?}, {missing} missing", report.time);
        assert_eq!(report.ports("10.200.8.2", "open"), listeners.ports);
        // The network's own address and its broadcast address are none of a machine either, but not
        // by ARP.
        assert!(missing >= 2040, "{missing}");
        assert!(report.time < Duration::from_secs(40), "{:?}", report.time);
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_port_that_this_machine_forbids_costs_the_scan_no_time() {
    each_run(test_name!(), || {
        let link = Link::new(&["--delay-us", "5000"]);
        let listeners = listen(&link, &[22, 25, 80]);
        // A policy of the routing table: connect fails at once.
        link.near(|| ip("rule add ipproto tcp dport 25 prohibit"));
        let report = scan(&link, &[FAR, "--ports", "1-1000"]);
        let found = report.ports(FAR, "open");
        assert!(
            found.is_subset(&listeners.ports) && found.len() == 2,
            "{found:?}"
        );
        assert_eq!(report.count(FAR, "unreachable"), 1);
        // A way that is lost would be waited for 15 s.
        assert!(report.time < Duration::from_secs(8), "{:?}", report.time);
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_host_that_dies_in_a_scan_of_all_ports_is_given_up_in_seconds() {
    each_run_alone(test_name!(), || {
        let link = Link::new(&["--delay-us", "5000"]);
        let listeners = listen(&link, &spread(20, 65_000));
        // 5,000 SYNs of 60 bytes each.
        guard(&link, "quota over 300000 bytes drop");
        let report = scan(&link, &[FAR]);
        report.is_right(FAR, &listeners.ports);
        assert!(
            report.doubts(FAR).contains("fell silent"),
            "{}",
            report.doubts(FAR)
        );
        assert!(report.time < Duration::from_secs(30), "{:?}", report.time);
    });
}
