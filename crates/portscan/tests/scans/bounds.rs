//! Bounds that hold for any number of hosts and ports: memory, and the time for banners.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::{run, stderr, stdout};
use crate::namespace::{in_own_network, test_name};

/// Runs a program, and prints the most memory that it had, in KiB, on stderr's last line.
const MEASURE: &str = "import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)";

/// The most memory that a scan had, in MiB; its report goes nowhere.
fn peak(arguments: &[&str]) -> u64 {
    let output = Command::new("python3")
        .args(["-c", MEASURE, env!("CARGO_BIN_EXE_portscan")])
        .args(arguments)
        .stdout(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = stderr(&output);
    told.lines().last().unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
#[ignore = "long"]
fn a_million_hosts_take_little_memory_in_every_format() {
    in_own_network(test_name!(), || {
        for format in [
            "human", "json", "jsonl", "xml", "grep", "gnmap", "csv", "list",
        ] {
            let peak = peak(&["127.0.0.0/12", "-p", "9", "--format", format]);
            println!("{format}: {peak} MiB");
            assert!(peak <= 64, "{format}: {peak} MiB");
        }
    });
}

#[test]
#[ignore = "long"]
fn a_million_open_ports_take_little_memory() {
    in_own_network(test_name!(), || {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        socket2::SockRef::from(&listener).listen(4096).unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        thread::spawn(move || listener.incoming().flatten().for_each(drop));
        // As many hosts as there can be, and fewer.
        for targets in ["127.0.0.0/16", "127.0.0.0/12"] {
            let peak = peak(&[targets, "-p", &port, "--format", "json"]);
            println!("{targets}: {peak} MiB");
            // The round trips of hosts in hand are kept: how many these are depends on the machine.
            assert!(peak <= 128, "{targets}: {peak} MiB");
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "long; .ci/run scans"]
fn a_million_hosts_without_a_route_are_told_in_little_memory() {
    in_own_network(test_name!(), || {
        let began = Instant::now();
        let peak = peak(&["10.0.0.0/12", "-p", "9", "--format", "list"]);
        println!("{peak} MiB, {:?}", began.elapsed());
        assert!(peak <= 64, "{peak} MiB");
    });
}

/// Every port of 127.0.20.1 leads to one service, as behind a proxy that accepts everything.
const REDIRECT: &str = "table inet proxy {
  chain out {
    type nat hook output priority -100
    ip daddr 127.0.20.1 tcp dport 1-65535 redirect to :7777
  }
}";

#[cfg(target_os = "linux")]
#[test]
#[ignore = "long; .ci/run scans"]
fn banners_of_ports_that_are_all_open_and_silent_take_seconds() {
    in_own_network(test_name!(), || {
        let listener = TcpListener::bind("0.0.0.0:7777").unwrap();
        socket2::SockRef::from(&listener).listen(4096).unwrap();
        let nft = Command::new("nft").arg(REDIRECT).status();
        if !nft.is_ok_and(|status| status.success()) {
            println!("without nftables no port can be redirected");
            return;
        }
        thread::spawn(move || {
            // Silent, until many others have come.
            let mut kept = VecDeque::new();
            for stream in listener.incoming().flatten() {
                kept.push_back(stream);
                if kept.len() > 700 {
                    kept.pop_front();
                }
            }
        });
        let began = Instant::now();
        let output = run(&[
            "127.0.20.1",
            "-p",
            "1-20000",
            "--banner",
            "--format",
            "json",
        ]);
        let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(json["scan"]["counts"]["open"], 20000);
        let told = stderr(&output);
        assert!(
            told.contains("open ports were not read: many other ports"),
            "{told}"
        );
        // One by one it would be 20 minutes, and an hour for all ports.
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{:?}",
            began.elapsed()
        );
    });
}
