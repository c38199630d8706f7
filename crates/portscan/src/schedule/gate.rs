//! Hosts that may not be there: on the local network a host that has not answered yet gets a few
//! probes until it does or a second has passed.
//!
//! The system asks for the hardware address of a host (ARP) before it sends anything. Where that
//! stays without an answer for a second, no machine has the address, and the rest of its ports need
//! not be asked. A host behind a firewall that drops everything is asked all of its ports after
//! that second.
//!
//! The system's table of neighbors is small (arp(7), `gc_thresh3`, 1,024 by default), and what does
//! not fit is lost without a word. So only some hosts are waited for at a time.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
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
const MOST_HOSTS: u64 = 65_536;

/// So many hosts are waited for at once. The system asks for three seconds.
const AT_ONCE: usize = 256;

/// The time between two looks at those that wait.
const LOOK_EVERY: Duration = Duration::from_millis(20);

#[derive(Debug)]
enum Host {
    /// Its turn has not come.
    Queued(Vec<Pending>),
    Waiting {
        /// When its first probe went.
        since: Option<Time>,
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
    /// The hosts on the local network.
    neighbors: Vec<Range<u32>>,
    hosts: HashMap<u32, Host>,
    /// Those whose turn has not come, and those that are waited for.
    queued: VecDeque<u32>,
    waiting: Vec<u32>,
    next_look: Time,
}

impl Gate {
    pub(super) fn new(neighbors: Vec<Range<u32>>) -> Self {
        let count: u64 = neighbors.iter().map(|hosts| hosts.len() as u64).sum();
        Gate {
            neighbors: if count <= MOST_HOSTS {
                neighbors
            } else {
                Vec::new()
            },
            ..Gate::default()
        }
    }

    /// Whether the host is one that may have to wait.
    pub(super) fn is_before(&self, host: u32) -> bool {
        self.neighbors.iter().any(|hosts| hosts.contains(&host))
    }

    /// A port of a host that has not answered.
    pub(super) fn pass(&mut self, now: Time, port: Pending) -> Pass {
        let Some(host) = self.hosts.get_mut(&port.host) else {
            if self.waiting.len() < AT_ONCE {
                self.wait(port.host, Some(now), Vec::new());
                return Pass::Now;
            }
            self.hosts.insert(port.host, Host::Queued(vec![port]));
            self.queued.push_back(port.host);
            return Pass::Held;
        };
        match host {
            Host::Waiting { since, probes, .. } if *probes < FIRST_PROBES => {
                since.get_or_insert(now);
                *probes += 1;
                Pass::Now
            }
            Host::Waiting { held, .. } | Host::Queued(held) => {
                held.push(port);
                Pass::Held
            }
            Host::Open => Pass::Now,
            Host::Missing => Pass::Missing,
        }
    }

    fn wait(&mut self, host: u32, since: Option<Time>, held: Vec<Pending>) {
        self.waiting.push(host);
        let waiting = Host::Waiting {
            since,
            probes: u32::from(since.is_some()),
            held,
        };
        self.hosts.insert(host, waiting);
    }

    pub(super) fn any_waits(&self) -> bool {
        !self.waiting.is_empty() || !self.queued.is_empty()
    }

    /// The host has answered: its ports are free.
    pub(super) fn open(&mut self, host: u32) -> Vec<Pending> {
        self.end(host, Host::Open)
    }

    /// No machine has the host's address, as far as the system knows. Its ports, if it has been
    /// asked for long enough.
    pub(super) fn missing(&mut self, now: Time, host: u32) -> Vec<Pending> {
        match self.since(host) {
            Some(since) if now >= since + ASKED_TWICE => self.end(host, Host::Missing),
            _ => Vec::new(),
        }
    }

    fn end(&mut self, host: u32, as_what: Host) -> Vec<Pending> {
        let Some(entry) = self.hosts.get_mut(&host) else {
            return Vec::new();
        };
        match entry {
            Host::Waiting { .. } => self.waiting.retain(|waiting| *waiting != host),
            Host::Queued(_) => self.queued.retain(|queued| *queued != host),
            Host::Open | Host::Missing => return Vec::new(),
        }
        match std::mem::replace(entry, as_what) {
            Host::Waiting { held, .. } | Host::Queued(held) => held,
            Host::Open | Host::Missing => Vec::new(),
        }
    }

    /// When the first probe went to a host that is waited for.
    fn since(&self, host: u32) -> Option<Time> {
        match self.hosts.get(&host)? {
            Host::Waiting { since, .. } => *since,
            _ => None,
        }
    }

    /// Whether it would help to know which hosts are not there.
    pub(super) fn asks(&self, now: Time) -> bool {
        let long = |host: &u32| {
            self.since(*host)
                .is_some_and(|since| now >= since + ASKED_TWICE)
        };
        self.waiting.iter().any(long)
    }

    /// The ports of hosts that have been waited for long enough, and the first ports of those whose
    /// turn has come.
    pub(super) fn released(&mut self, now: Time) -> Vec<Pending> {
        if !self.any_waits() || now < self.next_look {
            return Vec::new();
        }
        self.next_look = now + LOOK_EVERY;
        let long = |host: &u32| {
            self.since(*host)
                .is_some_and(|since| now >= since + OPENS_AFTER)
        };
        let over: Vec<u32> = self.waiting.iter().copied().filter(long).collect();
        let mut released: Vec<Pending> =
            over.into_iter().flat_map(|host| self.open(host)).collect();
        while self.waiting.len() < AT_ONCE
            && let Some(host) = self.queued.pop_front()
        {
            if let Some(Host::Queued(mut held)) = self.hosts.remove(&host) {
                let few = held.len().saturating_sub(FIRST_PROBES as usize);
                released.extend(held.drain(few..));
                self.wait(host, None, held);
            }
        }
        released
    }

    /// The ports that are held back.
    pub(super) fn held(&self) -> impl Iterator<Item = &Pending> {
        self.hosts.values().flat_map(|host| match host {
            Host::Waiting { held, .. } | Host::Queued(held) => held.as_slice(),
            Host::Open | Host::Missing => &[],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(host: u32, port: u16) -> Pending {
        Pending::untried(host, port)
    }

    #[test]
    fn some_hosts_are_waited_for_at_a_time_and_every_port_comes_out_once() {
        const HOSTS: u32 = 600;
        let mut gate = Gate::new(Vec::from_iter([0..300, 300..HOSTS]));
        let mut now = Time::ZERO;
        let mut ports: VecDeque<Pending> = (1..=10)
            .flat_map(|number| (0..HOSTS).map(move |host| port(host, number)))
            .collect();
        let (mut tried, mut missing, mut most) = (0, 0, 0);
        while !ports.is_empty() || gate.any_waits() {
            while let Some(port) = ports.pop_front() {
                match gate.pass(now, port) {
                    Pass::Now => tried += 1,
                    Pass::Missing => missing += 1,
                    Pass::Held => {}
                }
            }
            most = most.max(gate.waiting.len());
            now += LOOK_EVERY;
            // Every third host is there.
            for host in 0..HOSTS {
                match host % 3 {
                    0 if gate.since(host).is_some() => ports.extend(gate.open(host)),
                    1 => missing += gate.missing(now, host).len(),
                    _ => {}
                }
            }
            ports.extend(gate.released(now));
            assert!(now < Duration::from_secs(10));
        }
        assert_eq!(gate.held().count(), 0);
        assert_eq!(most, AT_ONCE);
        // The last third is behind a firewall; of the missing ones the first ports were tried.
        assert_eq!((tried, missing), (200 * 10 + 200 * 10 + 200 * 8, 200 * 2));
    }
}
