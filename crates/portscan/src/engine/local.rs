//! The ports of this machine itself, on Linux: `connect` twice, and no poller.
//!
//! A packet to a local address is delivered within the system call that sends it. When `connect`
//! returns, the answer to its SYN has already come back, and a second `connect` on the same socket
//! tells what it was: refused, or connected. A refused socket connects again at once, so one socket
//! a thread is enough for all 65,535 ports.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use socket2::Socket;

use super::watch::{Watcher, watched};
use super::{Answer, Position, Source, on_threads, system};
use crate::findings::{Findings, HostCounts, State};
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
    pub(super) watcher: Option<&'a dyn Watcher>,
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
    /// Ports that the threads' own sockets hold.
    taken: Vec<(u32, u16)>,
    /// The indices at which each thread works.
    busy: Vec<Range<u64>>,
}

/// A thread's sockets, one for each source.
type Sockets = HashMap<Source, Socket>;

impl Scan<'_> {
    pub(super) fn run(&self, start: &Position, workers: usize) -> anyhow::Result<Found> {
        let mut found = Found {
            position: start.local,
            ..Found::default()
        };
        if start.local >= self.order.size() {
            return Ok(found);
        }
        let mut sockets = Vec::new();
        // The ports of sockets that share their address with a target: probed at the end, from
        // another socket.
        let mut taken = HashSet::new();
        for _ in 0..workers {
            sockets.push(self.sockets(&mut taken)?);
        }
        found.findings.counts = HostCounts::of_hosts(self.hosts.len());
        found.busy = vec![0..0; workers];
        let found = Mutex::new(found);
        let tell = |watcher: &dyn Watcher, save: bool| {
            let mut found = labnet::lock(&found);
            let ports = std::mem::take(&mut found.findings.ports);
            watcher.found(&ports);
            if save {
                // The threads wait: a copy of the counts of a million hosts would take longer.
                watcher.save(self.position(&found, start), &found.findings.counts);
            }
        };
        let ended = watched(self.watcher, tell, || {
            on_threads(workers, |thread| {
                self.work(thread, &sockets[thread], &taken, &found);
                Ok(())
            })
        });
        ended.into_iter().collect::<anyhow::Result<()>>()?;
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.probe_taken(&mut found)?;
        Ok(found)
    }

    /// Where a scan could continue: what the threads have in hand is not known yet.
    fn position(&self, found: &Found, start: &Position) -> Position {
        let mut pending = start.pending.clone();
        pending.extend(found.silent.iter().chain(&found.taken));
        let busy = found.busy.iter().cloned().flatten();
        pending.extend(busy.map(|index| host_and_port(self.order.at(index), self.ports)));
        Position {
            local: found.position,
            remote: start.remote,
            pending,
            answered: Vec::new(),
        }
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

    fn work(
        &self,
        thread: usize,
        sockets: &Sockets,
        taken: &HashSet<(IpAddr, u16)>,
        found: &Mutex<Found>,
    ) {
        let mut part = Vec::new();
        let mut chunk = 0..0;
        loop {
            {
                let mut found = labnet::lock(found);
                self.progress
                    .fetch_add(chunk.end - chunk.start, Ordering::Relaxed);
                for (host, port, outcome) in part.drain(..) {
                    match outcome {
                        Reply::State(state) => {
                            found.findings.record(host, port, state, self.details);
                        }
                        Reply::Silent => found.silent.push((host, port)),
                        Reply::Taken => found.taken.push((host, port)),
                    }
                }
                chunk = found.position..(found.position + CHUNK).min(self.order.size());
                if self.stop.load(Ordering::Relaxed) || chunk.is_empty() {
                    found.busy[thread] = 0..0;
                    return;
                }
                found.position = chunk.end;
                found.busy[thread] = chunk.clone();
            }
            for number in chunk.clone().map(|index| self.order.at(index)) {
                let (number, port) = host_and_port(number, self.ports);
                let host = self.hosts[number as usize];
                let reply = if taken.contains(&(host.ip, port)) {
                    Reply::Taken
                } else {
                    let socket = sockets.get(&self.source(host));
                    let state = socket.and_then(|socket| probe(socket, host, port));
                    state.map_or(Reply::Silent, Reply::State)
                };
                part.push((number, port, reply));
            }
        }
    }

    /// The ports that the threads' own sockets hold. Those are idle now and still bound, so a new
    /// socket gets another port.
    fn probe_taken(&self, found: &mut Found) -> anyhow::Result<()> {
        for (number, port) in std::mem::take(&mut found.taken) {
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

/// What a thread has learned about a port.
#[derive(Debug, Clone, Copy)]
enum Reply {
    State(State),
    /// It did not answer at once.
    Silent,
    /// A socket of ours holds it.
    Taken,
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
