//! The ports that still have to be tried: those in the random order that no probe has reached, and
//! the retries.

use std::collections::{HashSet, VecDeque};

use crate::findings::State;
use crate::permutation::Permutation;
use crate::probe::{Probe, host_and_port};
use crate::window::Time;

/// Ports whose retries are finished before the next ones begin: bounds the memory of silence (12
/// bytes a port).
const BLOCK: u64 = 1 << 19;

/// A port that has to be tried (again).
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub(super) host: u32,
    pub(super) port: u16,
    /// SYNs that were sent to it.
    pub(super) tries: u8,
    /// How often this machine could not send to it, while it could to others of its host; and
    /// [`REJECTED`].
    pub(super) strikes: u8,
    /// When it was tried last, in milliseconds.
    pub(super) tried: u32,
}

/// The network said "unreachable" the last time it was tried.
pub(super) const REJECTED: u8 = 0x80;

impl Pending {
    pub(super) fn untried(host: u32, port: u16) -> Self {
        Pending {
            host,
            port,
            tries: 0,
            strikes: 0,
            tried: 0,
        }
    }

    /// As before the probe was handed out.
    pub(super) fn before(probe: &Probe) -> Self {
        Pending {
            host: probe.host,
            port: probe.port,
            tries: probe.tries_before,
            strikes: probe.strikes,
            tried: probe.previous,
        }
    }

    /// Its next probe.
    pub(super) fn probe(&self, now: Time) -> Probe {
        Probe {
            host: self.host,
            port: self.port,
            tries_before: self.tries,
            syns: 1,
            control: None,
            sent: now,
            patient: false,
            look: false,
            beat: false,
            pilot: false,
            strikes: self.strikes,
            previous: self.tried,
        }
    }

    /// After it has waited in vain.
    pub(super) fn after(probe: &Probe) -> Self {
        Pending {
            tries: probe.tries_before.saturating_add(probe.syns),
            tried: super::millis(probe.sent),
            ..Pending::before(probe)
        }
    }

    /// The network said "unreachable".
    pub(super) fn rejected(self) -> Self {
        Pending {
            strikes: self.strikes | REJECTED,
            ..self
        }
    }

    /// What it is when no try was answered.
    pub(super) fn state(&self) -> State {
        match self.strikes & REJECTED {
            0 => State::Filtered,
            _ => State::Unreachable,
        }
    }
}

/// Hosts with consecutive numbers, each with all ports, in their own order.
#[derive(Debug)]
struct Part {
    first_host: u32,
    /// Permutes host × port.
    order: Permutation,
    /// The next index of the order.
    next: u64,
}

impl Part {
    fn left(&self) -> u64 {
        self.order.size() - self.next
    }

    /// The next host and port.
    fn take(&mut self, ports: &[u16]) -> (u32, u16) {
        let (host, port) = host_and_port(self.order.at(self.next), ports);
        self.next += 1;
        (self.first_host + host, port)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Queue {
    ports: Vec<u16>,
    /// The addresses of this machine, and the other hosts.
    local: Part,
    remote: Part,
    /// Ports that an interrupted scan had in hand: they come first.
    resumed: VecDeque<(u32, u16)>,
    /// How many ports of this block have not been tried yet.
    untried: u64,
    pub(super) retries: VecDeque<Pending>,
    /// Ports that were silent in every try so far. Their fate is decided when the block's passes
    /// are over.
    pub(super) silent: Vec<Pending>,
    /// Ports whose probes are in flight.
    out: HashSet<(u32, u16)>,
}

impl Queue {
    /// All ports of the hosts from `first_host` on; `order` permutes host × port.
    pub(super) fn new(ports: Vec<u16>, order: Permutation, first_host: u32) -> Self {
        Queue {
            untried: order.size().min(BLOCK),
            ports,
            local: Part {
                first_host: 0,
                order: Permutation::ascending(0),
                next: 0,
            },
            remote: Part {
                first_host,
                order,
                next: 0,
            },
            resumed: VecDeque::new(),
            retries: VecDeque::new(),
            silent: Vec::new(),
            out: HashSet::new(),
        }
    }

    /// Skips the order of the remote hosts up to `position`. Says how many ports that leaves out.
    pub(super) fn skip_remote(&mut self, position: u64) -> u64 {
        self.remote.next = position.min(self.remote.order.size());
        self.next_block();
        self.remote.next
    }

    /// Adds the hosts from 0 on, from a position in their order on. Says how many ports that adds.
    pub(super) fn add_local(&mut self, order: Permutation, position: u64) -> u64 {
        self.local = Part {
            first_host: 0,
            next: position.min(order.size()),
            order,
        };
        self.next_block();
        self.local.left()
    }

    /// Adds ports that an interrupted scan had in hand. Says how many that are.
    pub(super) fn resume(&mut self, ports: impl IntoIterator<Item = (u32, u16)>) -> u64 {
        self.resumed.extend(ports);
        self.next_block();
        self.resumed.len() as u64
    }

    pub(super) fn add(&mut self, host: u32, port: u16) {
        self.retries.push_back(Pending::untried(host, port));
    }

    pub(super) fn ports_of_a_host(&self) -> u64 {
        self.ports.len() as u64
    }

    pub(super) fn local_position(&self) -> u64 {
        self.local.next
    }

    pub(super) fn remote_position(&self) -> u64 {
        self.remote.next
    }

    /// The ports before these positions whose state is not known.
    pub(super) fn pending(&self) -> impl Iterator<Item = (u32, u16)> {
        let pending = self.retries.iter().chain(&self.silent);
        let pending = pending.map(|port| (port.host, port.port));
        let pending = pending.chain(self.resumed.iter().copied());
        pending.chain(self.out.iter().copied())
    }

    /// How many ports of this block have not been tried yet.
    pub(super) fn untried(&self) -> u64 {
        self.untried
    }

    pub(super) fn is_empty(&self) -> bool {
        self.untried == 0 && self.retries.is_empty()
    }

    /// Begins the next block. `false` when every port has been tried.
    pub(super) fn next_block(&mut self) -> bool {
        self.untried =
            (self.resumed.len() as u64 + self.local.left() + self.remote.left()).min(BLOCK);
        self.untried > 0
    }

    /// The next port: untried ones first, this machine's before the remote ones. Call it only when
    /// the queue is not empty.
    pub(super) fn take(&mut self) -> Pending {
        let pending = self.take_next();
        self.out.insert((pending.host, pending.port));
        pending
    }

    /// A port of another list is handed out.
    pub(super) fn hand_out(&mut self, port: &Pending) {
        self.out.insert((port.host, port.port));
    }

    /// A port that was taken is known, or is put back: no probe of it is in flight.
    pub(super) fn settled(&mut self, host: u32, port: u16) {
        self.out.remove(&(host, port));
    }

    fn take_next(&mut self) -> Pending {
        if self.untried == 0 {
            return self.retries.pop_front().expect("the queue is not empty");
        }
        self.untried -= 1;
        if let Some((host, port)) = self.resumed.pop_front() {
            return Pending::untried(host, port);
        }
        let part = if self.local.left() > 0 {
            &mut self.local
        } else {
            &mut self.remote
        };
        let (host, port) = part.take(&self.ports);
        Pending::untried(host, port)
    }
}
