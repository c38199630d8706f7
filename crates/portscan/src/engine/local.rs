//! The ports of this machine itself, on Linux: `connect` twice, and no poller.
//!
//! A packet to a local address is delivered within the system call that sends it. When `connect`
//! returns, the answer to its SYN has already come back, and a second `connect` on the same socket
//! tells what it was: refused, or connected. A refused socket connects again at once, so one socket
//! a thread is enough for all 65,535 ports.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::Context;
use socket2::Socket;

use super::{Answer, Source, on_threads, system};
use crate::findings::{Counts, Findings, State};
use crate::permutation::Permutation;
use crate::probe::host_and_port;
use crate::targets::Host;

/// Ports that a thread takes at once: about half a millisecond of work.
const CHUNK: u64 = 128;

/// What to scan; `hosts` are addresses of this machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan<'a> {
    pub(super) hosts: &'a [Host],
    pub(super) ports: &'a [u16],
    pub(super) order: &'a Permutation,
    pub(super) separate: Option<Ipv4Addr>,
    pub(super) details: bool,
    pub(super) stop: &'a AtomicBool,
    pub(super) progress: &'a AtomicU64,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) findings: Findings,
    /// Ports without an answer at once: a firewall drops the packets, or the listener's queue is
    /// full.
    pub(super) silent: Vec<(u32, u16)>,
    /// The first index of the order that was not reached.
    pub(super) position: u64,
}

/// A thread's sockets, one for each source.
type Sockets = HashMap<Source, Socket>;

impl Scan<'_> {
    pub(super) fn run(&self, start: u64, workers: usize) -> anyhow::Result<Found> {
        let mut found = Found {
            position: start,
            ..Found::default()
        };
        if start >= self.order.size() {
            return Ok(found);
        }
        let mut sockets = Vec::new();
        // The ports of sockets that share their address with a target: probed at the end, from
        // another socket.
        let mut taken = HashSet::new();
        for _ in 0..workers {
            sockets.push(self.sockets(&mut taken)?);
        }
        let next = AtomicU64::new(start);
        let parts = on_threads(sockets.len(), |thread| {
            Ok(self.work(&sockets[thread], &taken, &next))
        });
        found.position = next.into_inner().min(self.order.size());
        for part in parts {
            part?.merge_into(&mut found, self.hosts.len());
        }
        self.probe_taken(&mut found)?;
        Ok(found)
    }

    fn source(&self, host: Host) -> Source {
        Source::of(host, true, self.separate)
    }

    fn sockets(&self, taken: &mut HashSet<(IpAddr, u16)>) -> anyhow::Result<Sockets> {
        let mut sockets = HashMap::new();
        for host in self.hosts {
            let source = self.source(*host);
            if sockets.contains_key(&source) {
                continue;
            }
            let socket = bound(source)?;
            if let Source::Same(host) = source {
                taken.insert((host.ip, system::port_of(&socket).unwrap_or(0)));
            }
            sockets.insert(source, socket);
        }
        Ok(sockets)
    }

    fn work(&self, sockets: &Sockets, taken: &HashSet<(IpAddr, u16)>, next: &AtomicU64) -> Part {
        let by_host: Vec<Option<&Socket>> = self
            .hosts
            .iter()
            .map(|host| sockets.get(&self.source(*host)))
            .collect();
        let mut part = Part::new(self.hosts.len());
        while !self.stop.load(Ordering::Relaxed) {
            let first = next.fetch_add(CHUNK, Ordering::Relaxed);
            let last = (first + CHUNK).min(self.order.size());
            if first >= last {
                break;
            }
            for number in (first..last).map(|number| self.order.at(number)) {
                let (number, port) = host_and_port(number, self.ports);
                let host = self.hosts[number as usize];
                if taken.contains(&(host.ip, port)) {
                    part.taken.push((number, port));
                    continue;
                }
                match by_host[number as usize].and_then(|socket| probe(socket, host, port)) {
                    Some(state) => part.record(number, port, state, self.details),
                    None => part.silent.push((number, port)),
                }
            }
            self.progress.fetch_add(last - first, Ordering::Relaxed);
        }
        part
    }

    /// The ports that the threads' own sockets hold. Those are idle now and still bound, so a new
    /// socket gets another port.
    fn probe_taken(&self, found: &mut Found) -> anyhow::Result<()> {
        for (number, port) in std::mem::take(&mut found.silent) {
            let host = self.hosts[number as usize];
            let state = match self.source(host) {
                source @ Source::Same(_) => probe(&bound(source)?, host, port),
                _ => None,
            };
            match state {
                Some(state) => found.findings.record(number, port, state, self.details),
                None => found.silent.push((number, port)),
            }
        }
        Ok(())
    }
}

/// What one thread found. The counts of refusals are an array: there are 65,535 of them in a
/// fraction of a second.
#[derive(Debug)]
struct Part {
    closed: Vec<u32>,
    findings: Findings,
    silent: Vec<(u32, u16)>,
    taken: Vec<(u32, u16)>,
}

impl Part {
    fn new(hosts: usize) -> Self {
        Part {
            closed: vec![0; hosts],
            findings: Findings::default(),
            silent: Vec::new(),
            taken: Vec::new(),
        }
    }

    fn record(&mut self, host: u32, port: u16, state: State, details: bool) {
        if state == State::Closed && !details {
            self.closed[host as usize] += 1;
        } else {
            self.findings.record(host, port, state, details);
        }
    }

    fn merge_into(self, found: &mut Found, hosts: usize) {
        let all = &mut found.findings;
        all.ports.extend(self.findings.ports);
        for (host, counts) in self.findings.counts {
            *all.counts.entry(host).or_default() += counts;
        }
        for (host, closed) in (0..)
            .zip(self.closed)
            .take(hosts)
            .filter(|(_, closed)| *closed > 0)
        {
            let sum: &mut Counts = all.counts.entry(host).or_default();
            sum.add(State::Closed, closed);
        }
        found.silent.extend(self.silent);
        found.silent.extend(self.taken);
    }
}

fn bound(source: Source) -> anyhow::Result<Socket> {
    system::socket(source).with_context(|| match source.address() {
        Some(address) => format!(
            "cannot make a socket with the source address {}",
            address.ip()
        ),
        None => "cannot make a socket".to_string(),
    })
}

/// The port's state, or `None` when the answer did not come at once.
fn probe(socket: &Socket, host: Host, port: u16) -> Option<State> {
    let to = host.port(port);
    let mut answer = system::connect(socket, to);
    if matches!(answer, Answer::Pending) {
        answer = system::connect(socket, to);
    }
    match answer {
        Answer::State(State::Closed) => return Some(State::Closed),
        Answer::State(State::Unreachable) => return Some(State::Unreachable),
        _ => {}
    }
    // Connected, or still in flight: the socket is free only once it is disconnected.
    let free: io::Result<()> = system::disconnect(socket);
    match answer {
        Answer::State(State::Open) if free.is_ok() => Some(State::Open),
        // Local errors and self-connects say nothing about the port: the poller asks again, from
        // another socket.
        _ => None,
    }
}
