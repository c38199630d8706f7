//! The whole range of this machine's own addresses, in a network that the test makes: nothing
//! missed, nothing invented.
//!
//! Each address is scanned once. Many scans of each run with `--include-ignored`.

use std::collections::BTreeSet;
use std::net::{IpAddr, UdpSocket};
use std::process::Command;

use portscan::limits::Limits;
use portscan::ports::Ports;
use serde_json::Value;

use crate::listeners::{Listeners, listening, many, open_ports, scan, scan_all};
use crate::namespace::{LOCAL_ADDRESS, in_own_network, test_name};

/// Scans of each address in the long tests.
fn scans() -> u32 {
    many(10)
}

/// Scans all ports of a local address so many times, with 20 listeners. `scan` gives what it found
/// open.
fn scans_are_exact(scans: u32, ip: IpAddr, what: &str, scan: impl Fn() -> BTreeSet<u16>) {
    let listeners = Listeners::new(ip, 20, &[1, 65535]);
    let (mut missed, mut invented) = (0, 0);
    for number in 1..=scans {
        let before = listening();
        let found = scan();
        let after = listening();
        let without_listener = |port: &&u16| !before.contains(port) && !after.contains(port);
        let absent: Vec<_> = listeners.ports.difference(&found).collect();
        let strange: Vec<_> = found.iter().filter(without_listener).collect();
        if !absent.is_empty() || !strange.is_empty() {
            println!("scan {number} of {ip}, {what}: missed {absent:?}, false {strange:?}");
        }
        missed += absent.len();
        invented += strange.len();
    }
    println!("{scans} scans of {ip}, {what}: {missed} missed, {invented} false");
    assert_eq!((missed, invented), (0, 0), "see above");
}

fn scans_in_process_are_exact(scans: u32, ip: IpAddr) {
    scans_are_exact(scans, ip, "by the library", || {
        let outcome = scan_all(ip);
        let counts = outcome.findings.counts[&0];
        assert_eq!(counts.all(), 65535);
        assert_eq!(counts.filtered + counts.unreachable, 0, "{ip}");
        open_ports(&outcome)
    });
}

/// The program, which raises its limit only as far as the hard limit, and that is 256 as well.
fn scans_with_256_descriptors_are_exact(scans: u32, ip: IpAddr, options: &str) {
    let command = format!("ulimit -n 256 && exec \"$0\" --format json {options} {ip}");
    let what = format!("ulimit -n 256 {options}");
    scans_are_exact(scans, ip, &what, || {
        let output = Command::new("sh")
            .args(["-c", &command, env!("CARGO_BIN_EXE_portscan")])
            .output()
            .unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{message}");
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["scan"]["counts"]["filtered"], 0);
        json["hosts"][0]["ports"]
            .as_array()
            .unwrap()
            .iter()
            .map(|port| u16::try_from(port["port"].as_u64().unwrap()).unwrap())
            .collect()
    });
}

/// This machine's addresses of the three kinds, as far as it has them.
fn local_addresses() -> Vec<IpAddr> {
    let mut addresses = vec!["127.0.0.1".parse().unwrap()];
    let six: IpAddr = "::1".parse().unwrap();
    match UdpSocket::bind((six, 0)) {
        Ok(_) => addresses.push(six),
        Err(error) => println!("{six} is not tested: {error}"),
    }
    let other: IpAddr = LOCAL_ADDRESS.parse().unwrap();
    if UdpSocket::bind((other, 0)).is_ok() {
        addresses.push(other);
        return addresses;
    }
    // Not in a namespace: the address that a packet to the outside would carry. Nothing is sent.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let routed = socket
        .connect("192.0.2.1:9")
        .and_then(|()| socket.local_addr());
    match routed.map(|address| address.ip()) {
        Ok(ip) if !ip.is_loopback() => addresses.push(ip),
        _ => println!("this machine has no address but loopback: no other is tested"),
    }
    addresses
}

#[test]
fn a_scan_of_each_local_address_misses_nothing_and_invents_nothing() {
    in_own_network(test_name!(), || {
        for ip in local_addresses() {
            scans_in_process_are_exact(1, ip);
        }
    });
}

#[test]
#[ignore = "long"]
fn many_scans_of_local_addresses_miss_nothing_and_invent_nothing() {
    in_own_network(test_name!(), || {
        for ip in local_addresses() {
            scans_in_process_are_exact(scans(), ip);
        }
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_scan_with_256_descriptors_misses_nothing_and_invents_nothing() {
    in_own_network(test_name!(), || {
        let ip: IpAddr = "127.0.0.1".parse().unwrap();
        // A rate sends local addresses through the poller, which needs descriptors.
        for options in ["", "--rate 1000000"] {
            scans_with_256_descriptors_are_exact(1, ip, options);
        }
    });
}

#[test]
#[ignore = "long"]
fn many_scans_with_256_descriptors_miss_nothing_and_invent_nothing() {
    in_own_network(test_name!(), || {
        for ip in local_addresses() {
            for options in ["", "--rate 1000000"] {
                scans_with_256_descriptors_are_exact(scans(), ip, options);
            }
        }
    });
}

#[test]
fn the_source_address_can_be_a_target_too() {
    in_own_network(test_name!(), || {
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
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_network_of_loopback_addresses_is_scanned_in_one_run() {
    in_own_network(test_name!(), || {
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
            .chain(20_000..20_185)
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
            .map(portscan::findings::Counts::all)
            .sum();
        assert_eq!(all, 256 * ports.len() as u64);
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn the_poller_is_as_exact_as_the_quick_way() {
    in_own_network(test_name!(), || by_the_poller(1));
}

#[test]
#[ignore = "long"]
fn many_scans_by_the_poller_are_as_exact_as_the_quick_way() {
    in_own_network(test_name!(), || by_the_poller(scans()));
}

fn by_the_poller(scans: u32) {
    for ip in ["127.0.0.1", "::1"] {
        let ip: IpAddr = ip.parse().unwrap();
        if UdpSocket::bind((ip, 0)).is_err() {
            println!("not tested: this machine has no {ip}");
            continue;
        }
        scans_are_exact(scans, ip, "by the poller", || {
            // A rate sends this machine's addresses through the poller as well.
            let limits = Limits {
                rate: Some(1e6),
                ..Limits::default()
            };
            open_ports(&scan(&[ip], &Ports::all(), limits))
        });
    }
}
