//! What a scan has found: the states of ports, how many of each, and how many probes were lost.

use std::ops::{AddAssign, Index};

/// What a port is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// The handshake was completed: a program listens.
    Open,
    /// Refused with RST: the host is up, and no program listens.
    Closed,
    /// No try got an answer: something on the path drops the packets, or the host is down.
    Filtered,
    /// The network answered instead of the host: no route (ICMP, or this machine's own routing
    /// table).
    Unreachable,
}

impl State {
    /// All states.
    pub const ALL: [State; 4] = [
        State::Open,
        State::Closed,
        State::Filtered,
        State::Unreachable,
    ];

    /// Its word in reports, the same in all formats.
    pub fn word(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Closed => "closed",
            State::Filtered => "filtered",
            State::Unreachable => "unreachable",
        }
    }
}

/// How many ports of a host are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// See [`State::Open`].
    pub open: u32,
    /// See [`State::Closed`].
    pub closed: u32,
    /// See [`State::Filtered`].
    pub filtered: u32,
    /// See [`State::Unreachable`].
    pub unreachable: u32,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        for state in State::ALL {
            self.add(state, other.of(state));
        }
    }
}

impl Counts {
    /// Adds ports of one state.
    pub fn add(&mut self, state: State, ports: u32) {
        match state {
            State::Open => self.open += ports,
            State::Closed => self.closed += ports,
            State::Filtered => self.filtered += ports,
            State::Unreachable => self.unreachable += ports,
        }
    }

    /// The ports of one state.
    pub fn of(&self, state: State) -> u32 {
        match state {
            State::Open => self.open,
            State::Closed => self.closed,
            State::Filtered => self.filtered,
            State::Unreachable => self.unreachable,
        }
    }

    /// The ports that are not among others.
    #[must_use]
    pub fn without(mut self, others: Counts) -> Self {
        self.open -= others.open;
        self.closed -= others.closed;
        self.filtered -= others.filtered;
        self.unreachable -= others.unreachable;
        self
    }

    /// The ports whose state is known.
    pub fn all(&self) -> u64 {
        State::ALL
            .into_iter()
            .map(|state| u64::from(self.of(state)))
            .sum()
    }
}

/// The counts of all hosts, by their numbers: a million hosts take 16 MB.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostCounts(Vec<Counts>);

impl HostCounts {
    /// Counts with room for so many hosts.
    pub fn of_hosts(hosts: usize) -> Self {
        HostCounts(vec![Counts::default(); hosts])
    }

    /// A host's counts, to add to them.
    pub fn of_mut(&mut self, host: u32) -> &mut Counts {
        let index = host as usize;
        if index >= self.0.len() {
            self.0.resize(index + 1, Counts::default());
        }
        &mut self.0[index]
    }

    /// These counts and others.
    #[must_use]
    pub fn with(mut self, others: &HostCounts) -> Self {
        for (host, counts) in others.iter() {
            *self.of_mut(host) += *counts;
        }
        self
    }

    /// Whether nothing is known about any host.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// A host's counts; `None` for a host about which nothing is known.
    pub fn get(&self, host: &u32) -> Option<&Counts> {
        let counts = self.0.get(*host as usize);
        counts.filter(|counts| counts.all() > 0)
    }

    /// The counts of the hosts about which something is known.
    pub fn values(&self) -> impl Iterator<Item = &Counts> {
        self.iter().map(|(_, counts)| counts)
    }

    /// The hosts about which something is known.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Counts)> {
        (0..).zip(&self.0).filter(|(_, counts)| counts.all() > 0)
    }
}

impl Index<&u32> for HostCounts {
    type Output = Counts;

    fn index(&self, host: &u32) -> &Counts {
        self.get(host).expect("something is known about the host")
    }
}

/// What is known so far.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Host, port and state: the open ports, and with
    /// [`Limits::details`](crate::limits::Limits::details) the rest; without those that a
    /// [`Watcher`](crate::engine::Watcher) has been given.
    pub ports: Vec<(u32, u16, State)>,
    /// By host.
    pub counts: HostCounts,
}

impl Findings {
    /// Records one port's state.
    pub fn record(&mut self, host: u32, port: u16, state: State, details: bool) {
        if details || state == State::Open {
            self.ports.push((host, port, state));
        }
        self.counts.of_mut(host).add(state, 1);
    }

    /// Adds what another scan of the same hosts has found.
    pub fn extend(&mut self, other: &Findings) {
        self.ports.extend(&other.ports);
        for (host, counts) in other.counts.iter() {
            *self.counts.of_mut(host) += *counts;
        }
    }
}

/// Answers and losses, counted over the whole scan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    /// Ports that answered the first try.
    pub at_once: u64,
    /// Tries without an answer of ports that answered a later try.
    pub retried: u64,
    /// Those of them whose port refused at last: a limit on refusals explains them as well as loss
    /// does.
    pub refused: u64,
    /// Control probes that were answered.
    pub controls: u64,
    /// Control probes that were not.
    pub controls_lost: u64,
}

impl Losses {
    /// The share of probes without an answer, among probes to ports that answer; `None` before the
    /// first answer.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub fn share(&self) -> Option<f64> {
        let lost = self.retried + self.controls_lost;
        let all = self.at_once + self.retried + self.controls + self.controls_lost;
        (all > 0).then(|| lost as f64 / all as f64)
    }

    /// Whether any was lost.
    pub fn seen(&self) -> bool {
        self.retried + self.controls_lost > 0
    }
}
