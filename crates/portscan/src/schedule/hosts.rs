//! What each host that has answered has told: its round trip, how many tries were in vain, and some
//! ports that answer. Found by number: each answer and each look for silence asks.

use std::collections::VecDeque;
use std::time::Duration;

use crate::findings::State;
use crate::probe::Probe;
use crate::window::{RoundTrip, Time};

/// The most ports of each kind that are remembered, to see whether the host still answers.
pub(super) const PORTS: usize = 4;

/// Control probes to each port: a service sees those to an open one.
const CONTROLS_OF_OPEN: u16 = 20;
const CONTROLS_OF_CLOSED: u16 = 400;

/// After so many control probes in a row without an answer, and so long a time, a host seems gone.
const UNHEARD: u32 = 8;
const SILENT_FOR: Duration = Duration::from_secs(3);

/// Up to [`PORTS`] ports.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SomePorts {
    ports: [u16; PORTS],
    count: u8,
}

impl SomePorts {
    fn add(&mut self, port: u16) {
        if let Some(free) = self.ports.get_mut(usize::from(self.count)) {
            *free = port;
            self.count += 1;
        }
    }

    pub(super) fn as_slice(&self) -> &[u16] {
        &self.ports[..usize::from(self.count)]
    }
}

/// Ports of one kind that have answered, and how often each may be asked.
#[derive(Debug)]
pub(super) struct Controls {
    ports: VecDeque<(u16, u16)>,
    state: State,
}

impl Controls {
    pub(super) fn new(ports: &[u16], state: State) -> Self {
        let mut controls = Controls {
            ports: VecDeque::new(),
            state,
        };
        for port in ports {
            controls.add(*port);
        }
        controls
    }

    pub(super) fn add(&mut self, port: u16) {
        let times = match self.state {
            State::Open => CONTROLS_OF_OPEN,
            _ => CONTROLS_OF_CLOSED,
        };
        if self.ports.len() < PORTS {
            self.ports.push_back((port, times));
        }
    }

    pub(super) fn left(&self) -> usize {
        self.ports.iter().map(|port| usize::from(port.1)).sum()
    }

    pub(super) fn take(&mut self) -> Option<(u16, State)> {
        let (port, left) = self.ports.pop_front()?;
        if left > 1 {
            self.ports.push_back((port, left - 1));
        }
        Some((port, self.state))
    }
}

/// Tries of ports that answer: all of them, and those that were in vain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tries {
    pub(super) all: u32,
    pub(super) lost: u32,
}

impl Tries {
    pub(super) fn add(&mut self, answered: bool) {
        self.all += 1;
        self.lost += u32::from(!answered);
    }

    pub(super) fn with(self, other: Tries) -> Tries {
        Tries {
            all: self.all + other.all,
            lost: self.lost + other.lost,
        }
    }

    /// The share that was lost.
    pub(super) fn share(self) -> f64 {
        f64::from(self.lost) / f64::from(self.all.max(1))
    }
}

/// The same for open ports and for closed ones: what refuses may be a firewall on the way, and
/// a host may limit its refusals.
pub(super) type ByKind = [Tries; 2];

/// The index of a port's kind.
pub(super) fn kind(state: State) -> usize {
    usize::from(state != State::Open)
}

/// Whether an answer took so much longer than the quickest one that it came from farther away.
pub(super) fn is_far(sample: Duration, least: Duration) -> bool {
    sample > 2 * least + Duration::from_millis(15)
}

/// How a host has answered.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// Ports that answered the first try.
    at_once: u32,
    /// Ports that answered a later try, by the number of tries before: 1, 2, more.
    late: [u32; 3],
    pub(super) tries: ByKind,
    /// Control probes that were not answered.
    pub(super) controls_lost: u32,
    pub(super) open: SomePorts,
    pub(super) closed: SomePorts,
    /// Open and closed ports whose answers took much longer than others.
    pub(super) far: [SomePorts; 2],
    /// When it answered last, and the control probes that it has not answered since.
    pub(super) heard: Time,
    unheard: u32,
}

impl Tally {
    /// Whether the host has answered at all.
    pub(super) fn answers(&self) -> bool {
        self.open.count + self.closed.count > 0
    }

    /// A port that has answered, closed if there is one: no service sees it asked again.
    pub(super) fn known_port(&self) -> (u16, State) {
        let closed = self.closed.as_slice().first();
        let open = self.open.as_slice().first().copied();
        closed.map_or((open.unwrap_or(1), State::Open), |port| {
            (*port, State::Closed)
        })
    }

    /// A port that an interrupted scan has found open.
    pub(super) fn know_open(&mut self, port: u16) {
        self.open.add(port);
    }

    /// A port's answer after so many tries in vain.
    pub(super) fn answered(&mut self, probe: &Probe, state: State, is_far: bool) {
        if is_far {
            self.far[kind(state)].add(probe.port);
        }
        match state {
            State::Open => self.open.add(probe.port),
            State::Closed => self.closed.add(probe.port),
            State::Filtered | State::Unreachable => {}
        }
        let tries = probe.tries_before;
        let lost = u32::from(tries);
        let of_kind = &mut self.tries[kind(state)];
        *of_kind = of_kind.with(Tries {
            all: lost + 1,
            lost,
        });
        if tries == 0 {
            self.at_once += 1;
            return;
        }
        self.late[usize::from(tries - 1).min(2)] += 1;
    }

    /// A control probe of the quick passes.
    pub(super) fn control(&mut self, state: State, answered: bool) {
        self.unheard += u32::from(!answered);
        self.controls_lost += u32::from(!answered);
        self.tries[kind(state)].add(answered);
    }

    /// The tries of all ports that answer.
    pub(super) fn all_tries(&self) -> Tries {
        self.tries[0].with(self.tries[1])
    }

    /// Ports that have answered.
    pub(super) fn live(&self) -> u32 {
        self.at_once + self.late.iter().sum::<u32>()
    }

    /// The chance that a port that answers was silent in so many tries.
    pub(super) fn miss_chance(&self, count: u32) -> f64 {
        worst_chance(&self.tries, count)
    }

    /// Whether as many answers come to each try as to the one before. Packets that are lost by
    /// chance are found by the next try, so with mere loss the answers of each try are a small
    /// share of the last one's; a limit lets as many through each time.
    pub(super) fn keeps_coming(&self) -> bool {
        const FEW: u32 = 8;
        let [first, second, more] = self.late;
        (second + more >= FEW && 2 * (second + more) >= first)
            || (first >= FEW && first >= self.at_once / 2)
    }
}

/// The chance that a port that answers was silent in `tries` tries, when so many tries of
/// such ports were in vain: the mean of share^tries over what the share may be, with a Beta(1, 9)
/// distribution before the first try.
fn miss_chance(of: Tries, tries: u32) -> f64 {
    (0..tries.min(64))
        .map(|before| {
            let before = f64::from(before);
            (1.0 + f64::from(of.lost) + before) / (10.0 + f64::from(of.all) + before)
        })
        .product()
}

/// The greater chance of the two kinds, as far as there are both.
pub(super) fn worst_chance(tries: &ByKind, count: u32) -> f64 {
    let known = tries.iter().filter(|of| of.all > 0);
    let worst = known.map(|of| miss_chance(*of, count)).reduce(f64::max);
    worst.unwrap_or_else(|| miss_chance(Tries::default(), count))
}

#[derive(Debug, Default)]
struct Known {
    trip: Option<RoundTrip>,
    tally: Tally,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    /// By host: its index in `known` plus 1, or 0.
    indices: Vec<u32>,
    known: Vec<Known>,
    /// Indices in `known` of hosts that are over.
    free: Vec<u32>,
    /// The quickest of the hosts that are over.
    quickest: Option<(Duration, Duration)>,
    /// Whether a host has answered.
    answered: bool,
}

/// With fewer hosts than this none is forgotten: they take 20 MB.
const KEPT: usize = 65_536;

impl Hosts {
    /// Whether no host has answered yet.
    pub(super) fn is_empty(&self) -> bool {
        !self.answered
    }

    fn known(&self, host: u32) -> Option<&Known> {
        let index = self.indices.get(host as usize)?.checked_sub(1)?;
        self.known.get(index as usize)
    }

    /// The round trip of a host.
    pub(super) fn trip(&self, host: u32) -> Option<&RoundTrip> {
        self.known(host)?.trip.as_ref()
    }

    /// How a host has answered.
    pub(super) fn tally(&self, host: u32) -> Tally {
        self.known(host)
            .map(|known| known.tally)
            .unwrap_or_default()
    }

    /// Whether a host that has answered does so no longer.
    pub(super) fn seems_gone(&self, now: Time, host: u32) -> bool {
        self.known(host).is_some_and(|known| {
            known.tally.unheard >= UNHEARD && now.saturating_sub(known.tally.heard) > SILENT_FOR
        })
    }

    pub(super) fn tally_mut(&mut self, host: u32) -> &mut Tally {
        &mut self.known_mut(host).tally
    }

    /// The least and the smoothed round trip of the host that answered quickest.
    pub(super) fn quickest(&self) -> Option<(Duration, Duration)> {
        self.known
            .iter()
            .filter_map(|known| known.trip.as_ref())
            .map(|trip| (trip.least(), trip.smoothed()))
            .chain(self.quickest)
            .min()
    }

    /// All ports of a host are known. Among very many hosts, its place is another's.
    pub(super) fn forget(&mut self, host: u32) {
        if self.known.len() < KEPT {
            return;
        }
        if let Some(of_host) = self.indices.get_mut(host as usize)
            && let Some(index) = std::mem::take(of_host).checked_sub(1)
        {
            let known = std::mem::take(&mut self.known[index as usize]);
            if let Some(trip) = known.trip {
                let quick = (trip.least(), trip.smoothed());
                self.quickest = Some(self.quickest.map_or(quick, |known| known.min(quick)));
            }
            self.free.push(index);
        }
    }

    /// Takes a sample of a host's round trip.
    pub(super) fn sample(&mut self, host: u32, now: Time, sample: Duration) -> &RoundTrip {
        self.answered = true;
        let known = self.known_mut(host);
        known.tally.heard = now;
        known.tally.unheard = 0;
        let trip = &mut known.trip;
        if let Some(trip) = trip.as_mut() {
            trip.sample(now, sample);
        }
        trip.get_or_insert_with(|| RoundTrip::new(now, sample))
    }

    fn known_mut(&mut self, host: u32) -> &mut Known {
        let host = host as usize;
        if self.indices.len() <= host {
            self.indices.resize(host + 1, 0);
        }
        let index = match self.indices[host].checked_sub(1) {
            Some(index) => index,
            None => {
                let index = self.free.pop().unwrap_or_else(|| {
                    self.known.push(Known::default());
                    u32::try_from(self.known.len() - 1).expect("at most 2^20 hosts")
                });
                self.indices[host] = index + 1;
                index
            }
        };
        &mut self.known[index as usize]
    }
}
