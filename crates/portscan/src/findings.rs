//! What a scan has found: the states of ports, how many of each, and how many probes were lost.

use std::collections::BTreeMap;
use std::ops::{AddAssign, Index};
use std::time::Duration;

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

/// Why the silence of a host's ports says less than it seems to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Doubt {
    /// So many probes are lost that an open port may have been missed.
    Loss {
        /// The share of probes that were lost.
        share: f64,
        /// The chance that a certain open port was missed.
        chance: f64,
    },
    /// The host answers only so many probes a second.
    Limited {
        /// Probes a second.
        rate: f64,
        /// It is refusals that it limits: open ports answer.
        refusals: bool,
    },
    /// The host answered, and then it stopped.
    FellSilent,
    /// Only refusals came, and those may be sent by a firewall on the way.
    OnlyRefusals,
    /// With the user's number of tries nothing shows whether the host still answered.
    Unconfirmed,
    /// The user's time limit leaves answers from farther away out.
    ShortWait(Duration),
    /// No machine of the local network has the address.
    NoMachine,
    /// This machine had no way to the host.
    NoWay,
    /// This machine lost its way to the host while the scan ran.
    WayLost,
}

impl Doubt {
    /// Its word in the resume file, and its numbers.
    pub(crate) fn parts(&self) -> (&'static str, Vec<f64>) {
        match *self {
            Doubt::Loss { share, chance } => ("loss", vec![share, chance]),
            Doubt::Limited {
                rate,
                refusals: true,
            } => ("limited refusals", vec![rate]),
            Doubt::Limited {
                rate,
                refusals: false,
            } => ("limited answers", vec![rate]),
            Doubt::FellSilent => ("fell silent", vec![]),
            Doubt::OnlyRefusals => ("only refusals", vec![]),
            Doubt::Unconfirmed => ("unconfirmed", vec![]),
            Doubt::ShortWait(wait) => ("short wait", vec![wait.as_secs_f64()]),
            Doubt::NoMachine => ("no machine", vec![]),
            Doubt::NoWay => ("no way", vec![]),
            Doubt::WayLost => ("way lost", vec![]),
        }
    }

    /// The doubt with this word and these numbers.
    pub(crate) fn from_parts(word: &str, numbers: &[f64]) -> Option<Self> {
        Some(match (word, numbers) {
            ("loss", [share, chance]) => Doubt::Loss {
                share: *share,
                chance: *chance,
            },
            ("limited refusals" | "limited answers", [rate]) => Doubt::Limited {
                rate: *rate,
                refusals: word == "limited refusals",
            },
            ("fell silent", []) => Doubt::FellSilent,
            ("only refusals", []) => Doubt::OnlyRefusals,
            ("unconfirmed", []) => Doubt::Unconfirmed,
            ("short wait", [wait]) => Doubt::ShortWait(Duration::try_from_secs_f64(*wait).ok()?),
            ("no machine", []) => Doubt::NoMachine,
            ("no way", []) => Doubt::NoWay,
            ("way lost", []) => Doubt::WayLost,
            _ => return None,
        })
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

/// The counts of all hosts, by their numbers, and what is in doubt of them: a million hosts take 17
/// MB.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostCounts {
    counts: Vec<Counts>,
    doubts: Doubts,
}

/// The doubts by host. Among very many hosts most have one of a few: a byte for each is enough.
#[derive(Debug, Clone, Default, PartialEq)]
struct Doubts {
    /// By host: 0 is no doubt, [`RARE`] is one of `rare`, and the others are one of `common`, the
    /// first of which is 1.
    by_host: Vec<u8>,
    common: Vec<Doubt>,
    rare: BTreeMap<u32, Doubt>,
}

const RARE: u8 = u8::MAX;

impl Doubts {
    fn insert(&mut self, host: u32, doubt: Doubt) {
        let known = (1..RARE)
            .zip(&self.common)
            .find(|(_, known)| **known == doubt);
        let next = u8::try_from(self.common.len() + 1).unwrap_or(RARE);
        let kind = known.map_or(next, |(kind, _)| kind);
        if kind == RARE {
            self.rare.insert(host, doubt);
        } else if known.is_none() {
            self.common.push(doubt);
        }
        let index = host as usize;
        if index >= self.by_host.len() {
            self.by_host.resize(index + 1, 0);
        }
        self.by_host[index] = kind;
    }

    fn get(&self, host: u32) -> Option<&Doubt> {
        match *self.by_host.get(host as usize)? {
            0 => None,
            RARE => self.rare.get(&host),
            kind => self.common.get(usize::from(kind) - 1),
        }
    }

    fn iter(&self) -> impl Iterator<Item = (u32, &Doubt)> {
        let hosts = (0..).take(self.by_host.len());
        hosts.filter_map(|host| Some((host, self.get(host)?)))
    }
}

impl HostCounts {
    /// Counts with room for so many hosts.
    pub fn of_hosts(hosts: usize) -> Self {
        HostCounts {
            counts: vec![Counts::default(); hosts],
            ..HostCounts::default()
        }
    }

    /// A host's counts, to add to them.
    pub fn of_mut(&mut self, host: u32) -> &mut Counts {
        let index = host as usize;
        if index >= self.counts.len() {
            self.counts.resize(index + 1, Counts::default());
        }
        &mut self.counts[index]
    }

    /// These counts and others.
    #[must_use]
    pub fn with(mut self, others: &HostCounts) -> Self {
        self.add(others);
        self
    }

    /// Adds others.
    fn add(&mut self, others: &HostCounts) {
        for (host, counts) in others.iter() {
            *self.of_mut(host) += *counts;
        }
        for (host, doubt) in others.doubts() {
            self.doubts.insert(host, *doubt);
        }
    }

    /// Records why a host's results are in doubt.
    pub fn doubt(&mut self, host: u32, doubt: Doubt) {
        self.doubts.insert(host, doubt);
    }

    /// Why a host's results are in doubt.
    pub fn doubt_of(&self, host: u32) -> Option<&Doubt> {
        self.doubts.get(host)
    }

    /// The hosts whose results are in doubt.
    pub fn doubts(&self) -> impl Iterator<Item = (u32, &Doubt)> {
        self.doubts.iter()
    }

    /// Whether nothing is known about any host.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// A host's counts; `None` for a host about which nothing is known.
    pub fn get(&self, host: &u32) -> Option<&Counts> {
        let counts = self.counts.get(*host as usize);
        counts.filter(|counts| counts.all() > 0)
    }

    /// The counts of the hosts about which something is known.
    pub fn values(&self) -> impl Iterator<Item = &Counts> {
        self.iter().map(|(_, counts)| counts)
    }

    /// The hosts about which something is known.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Counts)> {
        (0..)
            .zip(&self.counts)
            .filter(|(_, counts)| counts.all() > 0)
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
        self.counts.add(&other.counts);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_the_doubt_that_was_told_last_however_many_kinds_there_are() {
        let mut counts = HostCounts::default();
        let limited = |host: u32| Doubt::Limited {
            rate: f64::from(host),
            refusals: false,
        };
        for host in 0..600 {
            counts.doubt(host, Doubt::NoWay);
        }
        for host in (0..600).step_by(2) {
            counts.doubt(host, limited(host));
        }
        counts.doubt(598, Doubt::WayLost);
        for (host, doubt) in counts.doubts() {
            let wanted = match host {
                598 => Doubt::WayLost,
                host if host % 2 == 0 => limited(host),
                _ => Doubt::NoWay,
            };
            assert_eq!((*doubt, counts.doubt_of(host)), (wanted, Some(&wanted)));
        }
        assert_eq!(counts.doubts().count(), 600);
        assert_eq!(counts.doubt_of(600), None);
    }
}
