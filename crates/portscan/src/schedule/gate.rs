//! Hosts that may not be there: among several hosts, one that has not answered yet gets a few
//! probes until it does or a second has passed.
//!
//! On a local network the system asks for the hardware address of a host (ARP) before it sends
//! anything. Where that stays without an answer for a second, no machine has the address, and the
//! rest of its ports need not be asked. A host behind a router, or behind a firewall that drops
//! everything, is asked all of its ports after that second.

use std::collections::HashMap;
use std::time::Duration;

use super::queue::Pending;
use crate::window::Time;

/// Probes to a host before its first answer.
const FIRST_PROBES: u32 = 8;

/// The system has asked twice for the hardware address by then.
const ASKED_TWICE: Duration = Duration::from_millis(1050);

/// How long a host is waited for.
const OPENS_AFTER: Duration = Duration::from_millis(1400);

/// With more hosts than this, none is waited for: the list would be too long.
const MOST_HOSTS: u64 = 4096;

#[derive(Debug)]
enum Host {
    Waiting {
        since: Time,
        probes: u32,
        held: Vec<Pending>,
    },
    Open,
    Missing,
}

/// What becomes of a port that is about to be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// It is tried.
    Now,
    /// It is held back.
    Held,
    /// Its host is not there.
    Missing,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Gate {
    hosts: HashMap<u32, Host>,
    waiting: usize,
    on: bool,
    next_look: Time,
}

impl Gate {
    pub(super) fn new(hosts: u64) -> Self {
        Gate {
            on: (2..=MOST_HOSTS).contains(&hosts),
            ..Gate::default()
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.on
    }

    /// A port of a host that has not answered.
    pub(super) fn pass(&mut self, now: Time, port: Pending) -> Pass {
        let waiting = &mut self.waiting;
        let host = self.hosts.entry(port.host).or_insert_with(|| {
            *waiting += 1;
            Host::Waiting {
                since: now,
                probes: 0,
                held: Vec::new(),
            }
        });
        match host {
            Host::Waiting { probes, .. } if *probes < FIRST_PROBES => {
                *probes += 1;
                Pass::Now
            }
            Host::Waiting { held, .. } => {
                held.push(port);
                Pass::Held
            }
            Host::Open => Pass::Now,
            Host::Missing => Pass::Missing,
        }
    }

    pub(super) fn any_waits(&self) -> bool {
        self.waiting > 0
    }

    /// The host has answered: its ports are free.
    pub(super) fn open(&mut self, host: u32) -> Vec<Pending> {
        self.end(host, Host::Open)
    }

    /// No machine has the host's address, as far as the system knows. Its ports, if it has been
    /// asked for long enough.
    pub(super) fn missing(&mut self, now: Time, host: u32) -> Vec<Pending> {
        match self.hosts.get(&host) {
            Some(Host::Waiting { since, .. }) if now >= *since + ASKED_TWICE => {
                self.end(host, Host::Missing)
            }
            _ => Vec::new(),
        }
    }

    fn end(&mut self, host: u32, as_what: Host) -> Vec<Pending> {
        match self.hosts.get_mut(&host) {
            Some(host @ Host::Waiting { .. }) => {
                self.waiting -= 1;
                match std::mem::replace(host, as_what) {
                    Host::Waiting { held, .. } => held,
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }

    /// Whether it would help to know which hosts are not there.
    pub(super) fn asks(&self, now: Time) -> bool {
        self.waiting > 0
            && self.hosts.values().any(
                |host| matches!(host, Host::Waiting { since, .. } if now >= *since + ASKED_TWICE),
            )
    }

    /// The ports of hosts that have been waited for long enough.
    pub(super) fn released(&mut self, now: Time) -> Vec<Pending> {
        if self.waiting == 0 || now < self.next_look {
            return Vec::new();
        }
        self.next_look = now + Duration::from_millis(20);
        let over: Vec<u32> = self
            .hosts
            .iter()
            .filter(|(_, host)| {
                matches!(host, Host::Waiting { since, .. } if now >= *since + OPENS_AFTER)
            })
            .map(|(host, _)| *host)
            .collect();
        over.into_iter().flat_map(|host| self.open(host)).collect()
    }

    /// The ports that are held back.
    pub(super) fn held(&self) -> impl Iterator<Item = &Pending> {
        self.hosts.values().flat_map(|host| match host {
            Host::Waiting { held, .. } => held.as_slice(),
            _ => &[],
        })
    }
}
