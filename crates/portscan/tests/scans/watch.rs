//! What a scan tells while it runs adds up at every moment: that is what a scan continues from.

use std::net::IpAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use portscan::engine::{self, Plan, Position, Progress, Watcher};
use portscan::findings::{Counts, HostCounts, State};
use portscan::limits::Limits;
use portscan::ports::Ports;
use portscan::targets::Host;

use crate::listeners::Listeners;
use crate::namespace::{in_own_network, test_name};

#[derive(Debug, Default)]
struct Recorder {
    open: Mutex<Vec<(u32, u16, State)>>,
    moments: Mutex<u32>,
}

impl Watcher for Recorder {
    fn found(&self, ports: &[(u32, u16, State)]) {
        self.open.lock().unwrap().extend(ports);
    }

    fn wants_to_save(&self) -> bool {
        true
    }

    fn save(&self, position: Position, counts: &HostCounts) {
        let known: u64 = counts.values().map(Counts::all).sum();
        let tried = position.local + position.remote;
        assert_eq!(known + position.pending.len() as u64, tried, "{position:?}");
        let open: u32 = counts.values().map(|counts| counts.open).sum();
        assert_eq!(self.open.lock().unwrap().len(), open as usize);
        *self.moments.lock().unwrap() += 1;
    }
}

/// Scans hosts that each take longer than the time between two moments.
fn watched(hosts: &[Host], local: usize, limits: Limits, open: usize) {
    let recorder = Arc::new(Recorder::default());
    let progress = Progress {
        watcher: Some(Arc::clone(&recorder) as Arc<dyn Watcher>),
        ..Progress::default()
    };
    let plan = Plan {
        hosts: Arc::new(hosts.to_vec()),
        local,
        ports: Ports::all().as_slice().to_vec(),
        seed: Some(rand::random()),
        limits,
        start: Position::default(),
    };
    let outcome = engine::scan(plan, &AtomicBool::new(false), &progress).unwrap();
    assert_eq!(outcome.trouble, None);
    assert_eq!(outcome.findings.ports, [], "all were told");
    assert_eq!(recorder.open.lock().unwrap().len(), open);
    assert!(
        *recorder.moments.lock().unwrap() > 0,
        "the scan was too quick"
    );
}

#[test]
#[ignore = "long; .ci/run scans"]
fn the_moments_of_a_scan_add_up() {
    in_own_network(test_name!(), || {
        let listeners = Listeners::new("127.0.0.1".parse().unwrap(), 20, &[]);
        let host = |last: u8| Host::from(IpAddr::from([127, 0, 0, last]));
        let hosts: Vec<Host> = [1, 3, 4, 5, 6, 7, 8, 9].map(host).to_vec();
        watched(
            &hosts,
            hosts.len(),
            Limits::default(),
            listeners.ports.len(),
        );
        // As if the address were another machine's, it goes through the poller.
        let limits = Limits {
            rate: Some(150_000.0),
            ..Limits::default()
        };
        watched(&hosts[..1], 1, limits, listeners.ports.len());
    });
}
