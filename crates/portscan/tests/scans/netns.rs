//! Scans of another machine: a network namespace behind a slow link (`slowlink/slowlink.c`).
//!
//! One file, since all tests scan the same far side. Each kind of link is scanned once; more runs
//! with `--include-ignored`.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, TcpListener};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use portscan::engine::Outcome;
use portscan::limits::Limits;
use portscan::permutation::Permutation;
use portscan::ports::Ports;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::link::{Link, as_nobody, beside_others, drop_all_but, forbid, no_nft, with_link};
use crate::listeners::{Listeners, many, open_ports, scan, scan_all};
use crate::namespace::test_name;

const FAR: &str = "10.200.0.2";
const FAR6: &str = "fd00:200::2";

/// 50 ms there and back.
const DELAY: [&str; 2] = ["--delay-us", "25000"];

/// Runs of each link in the long tests.
fn runs() -> u32 {
    many(3)
}

/// Ports 1 and 65535 and 18 others.
fn twenty_ports() -> BTreeSet<u16> {
    let mut ports = BTreeSet::from([1, 65535]);
    while ports.len() < 20 {
        ports.insert(rand::random_range(2..=65534));
    }
    ports
}

/// How the far side treats ports without a listener.
#[derive(Clone, Copy, PartialEq)]
enum Rest {
    Closed,
    /// By nftables on the far side; where there is none, on the way there.
    Filtered,
    /// By the link itself.
    FilteredOnTheWay,
}

/// Scans all ports of the far side, `runs` times, each time with other listeners; all must be
/// found, and nothing else.
fn scans_are_exact(link: &[&str], rest: Rest, ip: &str, runs: u32) -> Vec<Outcome> {
    let ip: IpAddr = ip.parse().unwrap();
    if let (Rest::Filtered, Some(why)) = (rest, no_nft()) {
        println!("filtered by the link and not by nftables: {why}");
    }
    (1..=runs)
        .map(|run| {
            let ports = twenty_ports();
            let words: Vec<String> = ports.iter().map(u16::to_string).collect();
            let (only, seed) = (words.join(","), rand::random::<u32>().to_string());
            let mut options = link.to_vec();
            options.extend(["--seed", &seed]);
            let by_nft = rest == Rest::Filtered && no_nft().is_none();
            if rest != Rest::Closed && !by_nft {
                options.extend(["--only", &only]);
            }
            let link = Link::new(&options);
            if by_nft {
                drop_all_but(&link, &only);
            }
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
    no_link,
    ignore = "needs Linux, cc, and the right to make network namespaces and tun devices"
)]
fn closed_ports_50_ms_away() {
    with_link(test_name!(), || {
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
#[ignore = "long; .ci/run scans"]
fn filtered_ports_50_ms_away() {
    with_link(test_name!(), || all_rest_is_filtered(Rest::Filtered));
}

#[test]
#[ignore = "long"]
fn filtered_ports_50_ms_away_by_another_firewall() {
    with_link(test_name!(), || {
        all_rest_is_filtered(Rest::FilteredOnTheWay);
    });
}

fn all_rest_is_filtered(rest: Rest) {
    for outcome in scans_are_exact(&DELAY, rest, FAR, 1) {
        assert_eq!(outcome.findings.counts[&0].filtered, 65515);
    }
}

#[test]
#[ignore = "long; .ci/run scans"]
fn closed_ports_with_one_percent_loss_each_way() {
    with_link(test_name!(), || closed_with_loss(1));
}

#[test]
#[ignore = "long"]
fn closed_ports_with_one_percent_loss_each_way_many_times() {
    with_link(test_name!(), || closed_with_loss(runs()));
}

fn closed_with_loss(runs: u32) {
    let link = [&DELAY[..], &["--loss-ppm", "10000"]].concat();
    for outcome in scans_are_exact(&link, Rest::Closed, FAR, runs) {
        // 1 - 0.99² of the probes: 1.99 %, and on a busy machine what comes too late.
        let loss = outcome.losses.share().unwrap();
        assert!((0.015..0.05).contains(&loss), "loss {loss}");
        assert_eq!(outcome.tries, 3);
    }
}

#[test]
#[ignore = "long"]
fn filtered_ports_with_one_percent_loss_each_way_many_times() {
    with_link(test_name!(), || filtered_with_loss(runs()));
}

fn filtered_with_loss(runs: u32) {
    let link = [&DELAY[..], &["--loss-ppm", "10000"]].concat();
    scans_are_exact(&link, Rest::Filtered, FAR, runs);
}

#[test]
#[ignore = "long"]
fn a_link_of_10_mbit_per_s_with_a_queue_of_1700_packets_many_times() {
    with_link(test_name!(), || slow_link(runs()));
}

fn slow_link(runs: u32) {
    let link = [&DELAY[..], &["--rate-bps", "10000000", "--queue", "1700"]].concat();
    for outcome in scans_are_exact(&link, Rest::Closed, FAR, runs) {
        assert_eq!(outcome.findings.counts[&0].closed, 65515);
    }
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_target_that_limits_its_refusals_is_asked_again_until_closed_is_known_from_filtered() {
    with_link(test_name!(), || limited_refusals(4_000));
}

#[test]
#[ignore = "long"]
fn a_target_that_limits_its_refusals_is_asked_again_for_many_ports() {
    with_link(test_name!(), || limited_refusals(10_000));
}

fn limited_refusals(last: u16) {
    let link = Link::new(&[&DELAY[..], &["--refusals", "2000"]].concat());
    let ip: IpAddr = FAR.parse().unwrap();
    let listeners = link.far(|| Listeners::new(ip, 20, &[1, 65535]));
    // A part of the ports: at 2,000 a second all of them take three quarters of a minute.
    let ports: Ports = (1..=last).chain(listeners.ports.iter().copied()).collect();
    let outcome = link.near(|| scan(&[ip], &ports, Limits::default()));
    assert_eq!(open_ports(&outcome), listeners.ports);
    let counts = outcome.findings.counts[&0];
    assert_eq!(
        (counts.closed as usize, counts.filtered),
        (ports.len() - 20, 0)
    );
    assert!(outcome.limited_to.is_some(), "the limit is reported");
}

#[test]
#[ignore = "long"]
fn with_1024_descriptors_filtered_ports_take_seconds() {
    with_link(test_name!(), || {
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
#[ignore = "long; .ci/run scans"]
fn a_silent_host_is_reported_as_uncertain_and_a_missing_one_is_unreachable() {
    beside_others(test_name!(), || {
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
        let silent = run(FAR);
        assert!(silent.contains("10 filtered"), "{silent}");
        assert!(
            silent.contains("uncertain: 1 host gave no answer at all"),
            "{silent}"
        );
        // No route leads out of the namespace.
        let missing = run("10.99.0.1");
        assert!(missing.contains("10 unreachable"), "{missing}");
    });
}

#[test]
#[cfg_attr(
    no_link,
    ignore = "needs Linux, cc, and the right to make network namespaces and tun devices"
)]
fn routes_that_lead_nowhere_make_a_host_unreachable_and_hold_nothing_up() {
    beside_others(test_name!(), || {
        let link = Link::new(&[]);
        let nowhere = [
            ("prohibit", "10.99.1.1"),
            ("prohibit", "fd00:99:1::1"),
            ("blackhole", "10.99.2.1"),
            ("unreachable", "10.99.3.1"),
        ];
        for (kind, to) in nowhere {
            let status = link.near(|| {
                Command::new("ip")
                    .args(["route", "add", kind, to])
                    .status()
                    .unwrap()
            });
            assert!(status.success(), "no route {kind} to {to}");
        }
        let hosts = nowhere.map(|(_, to)| to.parse().unwrap());
        let ports: Ports = (20..=29).collect();
        let outcome = link.near(|| scan(&hosts, &ports, Limits::default()));
        for number in 0..4 {
            assert_eq!(outcome.findings.counts[&number].unreachable, 10);
        }
        let seconds = outcome.time.as_secs_f64();
        assert!(seconds < 1.0, "{seconds} s");
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_router_that_forbids_makes_an_ipv6_host_unreachable() {
    beside_others(test_name!(), || {
        if let Some(why) = no_nft() {
            println!("not tested without nftables: {why}");
            return;
        }
        let link = Link::new(&DELAY);
        forbid(&link);
        // The kernel limits these answers to a few at once, and one a second.
        let ports: Ports = (20..=22).collect();
        let outcome = link.near(|| scan(&[FAR6.parse().unwrap()], &ports, Limits::default()));
        assert_eq!(outcome.findings.counts[&0].unreachable, 3);
        let seconds = outcome.time.as_secs_f64();
        assert!(seconds < 1.0, "{seconds} s");
    });
}

#[test]
#[ignore = "long"]
fn a_firewall_behind_a_slow_link_with_a_short_queue_hides_no_open_port() {
    beside_others(test_name!(), || {
        // The link's own firewall comes before its queue; this one has to come after it.
        if let Some(why) = no_nft() {
            println!("not tested without nftables: {why}");
            return;
        }
        let ports = twenty_ports();
        let words: Vec<String> = ports.iter().map(u16::to_string).collect();
        let slow = ["--rate-bps", "10000000", "--queue", "100"];
        let link = Link::new(&[&DELAY[..], &slow].concat());
        drop_all_but(&link, &words.join(","));
        let ip: IpAddr = FAR.parse().unwrap();
        let wanted: Vec<u16> = ports.iter().copied().collect();
        let _listeners = link.far(|| Listeners::new(ip, 20, &wanted));
        // A part of the ports: all of them take half a minute.
        let asked: Ports = (20_000..45_000).chain(ports.iter().copied()).collect();
        let outcome = link.near(|| scan(&[ip], &asked, Limits::default()));
        println!(
            "{:.1} s, slowed down to {:.0?} a second, loss {:.1?}",
            outcome.time.as_secs_f64(),
            outcome.slowed_to,
            outcome.losses.share()
        );
        assert_eq!(open_ports(&outcome), ports);
        assert!(outcome.slowed_to.is_some(), "the report says so");
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_user_without_rights_scans_as_exactly() {
    as_nobody(test_name!(), || {
        let link = Link::cable();
        let ip: IpAddr = FAR.parse().unwrap();
        let listeners = link.far(|| Listeners::new(ip, 20, &[1, 65535]));
        let outcome = link.near(|| scan_all(ip));
        assert_eq!(open_ports(&outcome), listeners.ports);
        assert_eq!(outcome.findings.counts[&0].closed, 65515);
    });
}

/// The ports of hosts, in JSON: all that are open, and how many are in each state.
type Found = (BTreeSet<(String, u16)>, Value);

/// Runs the command at the near end, presses Ctrl-C when something connects to `trigger`, and gives
/// what it printed.
fn command(link: &Link, arguments: &[&str], trigger: Option<TcpListener>) -> (Option<i32>, Found) {
    let child = link.near(|| {
        Command::new(env!("CARGO_BIN_EXE_portscan"))
            .args(arguments)
            .args(["--format", "json"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    });
    if let Some(trigger) = trigger {
        let _scan = trigger.accept().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut open = BTreeSet::new();
    for host in json["hosts"].as_array().unwrap() {
        for port in host["ports"].as_array().unwrap() {
            let number = u16::try_from(port["port"].as_u64().unwrap()).unwrap();
            assert!(
                open.insert((host["address"].as_str().unwrap().to_string(), number)),
                "{port} of {} is there twice",
                host["address"]
            );
        }
    }
    (output.status.code(), (open, json["scan"]["counts"].clone()))
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_scan_in_random_order_that_is_interrupted_twice_knows_every_port_once() {
    with_link(test_name!(), interrupted_twice);
}

fn interrupted_twice() {
    const ALL: u64 = 65535;
    const SEED: u64 = 7;
    let link = Link::new(&DELAY);
    link.far(|| {
        let added = Command::new("ip")
            .args(["address", "add", "10.200.0.3/24", "dev", "slow0"])
            .status();
        assert!(added.unwrap().success(), "ip failed");
    });
    let local: Vec<String> = (0..8).map(|last| format!("127.0.1.{last}")).collect();
    let remote = [FAR.to_string(), "10.200.0.3".to_string()];
    let sizes = [local.len() as u64 * ALL, remote.len() as u64 * ALL];
    // An open port is a quarter through each part of the order: a connection to it says that the
    // scan is there.
    let trigger_in = |hosts: &[String], salt: u64| {
        let size = hosts.len() as u64 * ALL;
        let number = Permutation::random(size, SEED ^ salt).at(size / 4);
        let port = u16::try_from(number % ALL + 1).unwrap();
        (hosts[usize::try_from(number / ALL).unwrap()].clone(), port)
    };
    let (near_trigger, far_trigger) = (trigger_in(&local, 0), trigger_in(&remote, 1));
    let listen = |(ip, port): &(String, u16)| TcpListener::bind((ip.as_str(), *port)).unwrap();
    let mut truth = BTreeSet::from([near_trigger.clone(), far_trigger.clone()]);
    let mut listeners = Vec::new();
    for ip in [&local[0], &local[5], &remote[0], &remote[1]] {
        let make = || Listeners::new(ip.parse().unwrap(), 10, &[1, 65535]);
        let made = if remote.contains(ip) {
            link.far(make)
        } else {
            link.near(make)
        };
        truth.extend(made.ports.iter().map(|port| (ip.clone(), *port)));
        listeners.push(made);
    }

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("twice.resume");
    let path = file.to_str().unwrap();
    let position = |name: &str| {
        let saved = fs::read_to_string(&file).unwrap();
        let header: Value = serde_json::from_str(saved.lines().next().unwrap()).unwrap();
        header[name].as_u64().unwrap()
    };
    let seed = SEED.to_string();
    let begin = [
        "127.0.1.0-7",
        "10.200.0.2-3",
        "--seed",
        &seed,
        "--resume",
        path,
    ];
    let near = link.near(|| listen(&near_trigger));
    let (code, (first, _)) = command(&link, &begin, Some(near.try_clone().unwrap()));
    assert_eq!(code, Some(130));
    let reached = position("next_own");
    // On a busy machine Ctrl-C may come after the last port was sent.
    assert!((sizes[0] / 4..=sizes[0]).contains(&reached), "{reached}");
    assert!(first.is_subset(&truth) && first.contains(&near_trigger));

    let far = link.far(|| listen(&far_trigger));
    let (code, (second, _)) = command(&link, &["--resume", path], Some(far.try_clone().unwrap()));
    assert_eq!(code, Some(130));
    assert_eq!(position("next_own"), sizes[0]);
    let reached = position("next_other");
    assert!((sizes[1] / 4..=sizes[1]).contains(&reached), "{reached}");
    assert!(first.is_subset(&second) && second.is_subset(&truth));

    let (code, (third, counts)) = command(&link, &["--resume", path], None);
    assert_eq!(code, Some(0));
    let missed: Vec<_> = truth.difference(&third).collect();
    let invented: Vec<_> = third.difference(&truth).collect();
    assert!(
        missed.is_empty() && invented.is_empty(),
        "missed {missed:?}, false {invented:?}"
    );
    let open = truth.len() as u64;
    assert_eq!(
        counts,
        json!({"open": open, "closed": sizes[0] + sizes[1] - open, "filtered": 0, "unreachable": 0})
    );
    assert!(!file.exists(), "a finished scan leaves no file");
}
