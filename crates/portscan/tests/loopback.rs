//! The whole range of this machine's own addresses, again and again: nothing missed, nothing invented.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

mod common;

use std::net::{IpAddr, UdpSocket};

use common::{Listeners, listening, open_ports, scan, scan_all};
use portscan::ports::Ports;
use portscan::schedule::Limits;

/// Scans of each address. Each takes about a tenth of a second in a release build, and half a second in a debug one.
const SCANS: usize = 50;

fn scans_are_exact(ip: IpAddr, wanted: &[u16]) {
    let listeners = Listeners::new(ip, 20, wanted);
    for number in 1..=SCANS {
        let before = listening();
        let outcome = scan_all(ip);
        let after = listening();
        let found = open_ports(&outcome);
        let missed: Vec<_> = listeners.ports.difference(&found).collect();
        assert!(missed.is_empty(), "scan {number} of {ip} missed {missed:?}");
        let invented: Vec<_> = found
            .iter()
            .filter(|port| !before.contains(port) && !after.contains(port))
            .collect();
        assert!(
            invented.is_empty(),
            "scan {number} of {ip} invented {invented:?}"
        );
        let counts = outcome.findings.counts[&0];
        assert_eq!(counts.all(), 65535);
        assert_eq!(
            counts.filtered + counts.unreachable,
            0,
            "scan {number} of {ip}"
        );
    }
}

#[test]
fn fifty_scans_of_127_0_0_1_miss_nothing_and_invent_nothing() {
    scans_are_exact("127.0.0.1".parse().unwrap(), &[1, 65535]);
}

#[test]
fn fifty_scans_of_the_ipv6_loopback_miss_nothing_and_invent_nothing() {
    let ip: IpAddr = "::1".parse().unwrap();
    if UdpSocket::bind((ip, 0)).is_err() {
        println!("not tested: this machine has no IPv6");
        return;
    }
    scans_are_exact(ip, &[1, 65535]);
}

#[test]
fn fifty_scans_of_the_machines_other_address_miss_nothing_and_invent_nothing() {
    // The address that a packet to the outside would carry. Nothing is sent.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let routed = socket
        .connect("192.0.2.1:9")
        .and_then(|()| socket.local_addr());
    match routed.map(|address| address.ip()) {
        Ok(ip) if !ip.is_loopback() => scans_are_exact(ip, &[1, 65535]),
        _ => println!("not tested: this machine has no address but loopback"),
    }
}

#[test]
fn the_source_address_can_be_a_target_too() {
    let ip: IpAddr = "127.0.0.2".parse().unwrap();
    let listeners = Listeners::new(ip, 5, &[]);
    let both = ["127.0.0.1".parse().unwrap(), ip];
    let outcome = scan(&both, &Ports::all(), Limits::default());
    let open = |host: u32| {
        outcome
            .findings
            .ports
            .iter()
            .filter(move |port| port.0 == host)
    };
    for port in &listeners.ports {
        assert!(open(1).any(|found| found.1 == *port), "missed {port}");
    }
    let known = listening();
    assert!(open(0).chain(open(1)).all(|found| known.contains(&found.1)));
}

#[test]
fn a_network_of_loopback_addresses_is_scanned_in_one_run() {
    let ips: Vec<IpAddr> = (0..=255)
        .map(|last| IpAddr::from([127, 0, 1, last]))
        .collect();
    let listeners: Vec<Listeners> = ips
        .iter()
        .step_by(50)
        .map(|ip| Listeners::new(*ip, 3, &[]))
        .collect();
    let ports: Ports = listeners
        .iter()
        .flat_map(|listeners| listeners.ports.iter().copied())
        .chain(20_000..20_985)
        .collect();
    let outcome = scan(&ips, &ports, Limits::default());
    let known = listening();
    for (number, listeners) in (0u32..).step_by(50).zip(&listeners) {
        for port in &listeners.ports {
            let found = outcome
                .findings
                .ports
                .iter()
                .any(|found| (found.0, found.1) == (number, *port));
            assert!(found, "missed {port} of 127.0.1.{number}");
        }
    }
    assert!(
        outcome
            .findings
            .ports
            .iter()
            .all(|(_, port, _)| known.contains(port))
    );
    let all: u64 = outcome
        .findings
        .counts
        .values()
        .map(portscan::schedule::Counts::all)
        .sum();
    assert_eq!(all, 256 * ports.len() as u64);
}

#[test]
fn the_poller_is_as_exact_as_the_quick_way() {
    // A rate sends this machine's addresses through the poller as well.
    let limits = || Limits {
        rate: Some(1e6),
        ..Limits::default()
    };
    for ip in ["127.0.0.1", "::1"] {
        let ip: IpAddr = ip.parse().unwrap();
        if UdpSocket::bind((ip, 0)).is_err() {
            println!("not tested: this machine has no {ip}");
            continue;
        }
        let listeners = Listeners::new(ip, 20, &[65535]);
        for number in 1..=5 {
            let before = listening();
            let found = open_ports(&scan(&[ip], &Ports::all(), limits()));
            let after = listening();
            assert!(
                listeners.ports.is_subset(&found),
                "scan {number} of {ip} missed some"
            );
            let invented: Vec<_> = found
                .iter()
                .filter(|port| !before.contains(port) && !after.contains(port))
                .collect();
            assert!(
                invented.is_empty(),
                "scan {number} of {ip} invented {invented:?}"
            );
        }
    }
}
