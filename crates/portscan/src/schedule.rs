//! What to probe next: a pure state machine that knows neither sockets nor a clock.
//!
//! Every port is tried once, in its order's sequence; what did not answer is tried again in a later pass. The engine
//! asks [`Scheduler::next`] what to send and reports what came of it; time is handed in. Several workers share one
//! scheduler, so that what one learns of a host (its round trip, its losses) is known to all.

use std::collections::{BTreeMap, VecDeque};
use std::ops::AddAssign;
use std::time::Duration;

use crate::congestion::{Congestion, Heard};
use crate::order::Order;
use crate::window::{FIRST_RTO, LEAST_RTO, RoundTrip, Time, Window};

/// What a port is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// The handshake was completed: something listens.
    Open,
    /// Refused with RST: the host is there, and nothing listens.
    Closed,
    /// No answer at all to any try: something on the way drops the packets, or the host is not there.
    Filtered,
    /// The network answered instead of the host: no way leads there (ICMP, or this machine's own routing table).
    Unreachable,
}

/// One connect to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The host's number.
    pub host: u32,
    /// The port.
    pub port: u16,
    /// How many tries went before.
    pub tries_before: u8,
    /// Asks a port that has answered before, and what, only to see whether answers are lost.
    pub control: Option<State>,
    /// When it was handed out.
    pub sent: Time,
    /// When the try before was handed out, in milliseconds.
    before: u32,
}

impl Probe {
    /// Asks a port that has answered before.
    pub(crate) fn control_of(host: u32, port: u16, was: State, now: Time) -> Self {
        Probe {
            host,
            port,
            tries_before: 0,
            control: Some(was),
            sent: now,
            before: 0,
        }
    }
}

/// What [`Scheduler::next`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Make this connect.
    Send(Probe),
    /// Nothing before this time has passed, or something is reported.
    Wait(Duration),
    /// This machine has not been able to send anything for [`PATIENCE`].
    Stuck,
    /// Everything is known.
    Done,
}

/// How long local errors may go on, without one probe that gets out, before the scan is given up.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What the scan may do.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Tries for each port; `None` is 2, and 3 once loss is seen.
    pub tries: Option<u8>,
    /// The most probes under way.
    pub window: usize,
    /// The most probes a second.
    pub rate: Option<f64>,
    /// The wait for an answer before a host's first one, and the longest wait after it.
    pub timeout: Option<Duration>,
    /// Keep the state of every port, not only of the open ones.
    pub details: bool,
}

/// Answers and losses, counted over the whole scan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    /// Ports that answered the first try.
    pub at_once: u64,
    /// Tries that got no answer, although a later try of the same port did.
    pub retried: u64,
    /// Those of them that were refused at last, which a limit on refusals explains as well as loss.
    pub refused: u64,
    /// Control probes that were answered.
    pub controls: u64,
    /// Control probes that were not.
    pub controls_lost: u64,
}

impl Losses {
    /// The share of probes to answering ports that got no answer; `None` before the first answer.
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

/// How many ports of a host are what.
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
        self.open += other.open;
        self.closed += other.closed;
        self.filtered += other.filtered;
        self.unreachable += other.unreachable;
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

    /// The ports whose state is known.
    pub fn all(&self) -> u64 {
        [self.open, self.closed, self.filtered, self.unreachable]
            .into_iter()
            .map(u64::from)
            .sum()
    }
}

/// What is known so far.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Host, port and state: the open ports, and with [`Limits::details`] the others.
    pub ports: Vec<(u32, u16, State)>,
    /// By host; a host of which nothing is known has no entry.
    pub counts: BTreeMap<u32, Counts>,
}

impl Findings {
    /// Notes one port's state.
    pub fn note(&mut self, host: u32, port: u16, state: State, details: bool) {
        if details || state == State::Open {
            self.ports.push((host, port, state));
        }
        self.counts.entry(host).or_default().add(state, 1);
    }
}

/// A port that has to be tried (again).
#[derive(Debug, Clone, Copy)]
struct Pending {
    host: u32,
    port: u16,
    tries: u8,
    /// When it was tried last, in milliseconds.
    tried: u32,
}

/// Hosts that follow each other by number, each with all ports, in an order of their own.
#[derive(Debug)]
struct Part {
    first_host: u32,
    /// Permutes host × port.
    order: Order,
    /// The next place of the order.
    place: u64,
}

impl Part {
    fn left(&self) -> u64 {
        self.order.size() - self.place
    }

    /// The host and the port at the next place.
    fn take(&mut self, ports: &[u16]) -> (u32, u16) {
        let (host, port) = host_and_port(self.order.at(self.place), ports);
        self.place += 1;
        (self.first_host + host, port)
    }
}

/// The host and the port behind a number of an order that permutes host × port.
pub(crate) fn host_and_port(number: u64, ports: &[u16]) -> (u32, u16) {
    let count = ports.len() as u64;
    let host = u32::try_from(number / count).expect("at most 2^20 hosts");
    let port = usize::try_from(number % count).expect("at most 65,535 ports");
    (host, ports[port])
}

/// A port that has answered, and how often it may still be asked whether it does.
#[derive(Debug, Clone, Copy)]
struct Control {
    host: u32,
    port: u16,
    state: State,
    left: u8,
}

/// The round trips of the hosts that have answered, found by number: each answer and each look for silence asks.
#[derive(Debug, Default)]
struct Trips {
    /// By host: its place in `known` and 1, or 0.
    places: Vec<u32>,
    known: Vec<RoundTrip>,
}

impl Trips {
    fn of(&self, host: u32) -> Option<&RoundTrip> {
        let place = self.places.get(host as usize)?.checked_sub(1)?;
        self.known.get(place as usize)
    }

    fn sample(&mut self, host: u32, now: Time, sample: Duration) -> &RoundTrip {
        let host = host as usize;
        if self.places.len() <= host {
            self.places.resize(host + 1, 0);
        }
        if let Some(place) = self.places[host].checked_sub(1) {
            let trip = &mut self.known[place as usize];
            trip.sample(now, sample);
            return trip;
        }
        self.known.push(RoundTrip::new(now, sample));
        self.places[host] = u32::try_from(self.known.len()).expect("at most 2^20 hosts");
        self.known.last().expect("one was pushed")
    }
}

/// See the module.
#[derive(Debug)]
pub struct Scheduler {
    ports: Vec<u16>,
    limits: Limits,
    /// The addresses of this machine, and the other hosts.
    own: Part,
    others: Part,
    /// How many ports of this block have not been tried yet.
    fresh: u64,
    again: VecDeque<Pending>,
    /// Silent in every try so far. What becomes of them is decided when the block's passes are over.
    silent: Vec<Pending>,
    under_way: usize,
    window: Window,
    trips: Trips,
    losses: Losses,
    controls: VecDeque<Control>,
    /// How many ports of each kind were made controls, used up or not.
    controls_of_open: usize,
    controls_of_closed: usize,
    until_control: usize,
    congestion: Congestion,
    /// How many tries the ports of this pass have had with it.
    pass: u8,
    /// Probes handed out.
    handed_out: u64,
    /// Refusals that came to a retry since `pass_began`, and in this block by the number of tries before.
    refused_late: u32,
    refused_by_tries: Vec<u32>,
    pass_began: Option<Time>,
    slow_passes: u8,
    /// Probes a second of the slow pass, and how many of its probes were silent.
    slow_rate: f64,
    slow_silent: u32,
    /// The refusals a second at which the target seems to stop answering.
    limited_to: Option<f64>,
    next_slot: Time,
    pause_until: Time,
    stuck_since: Option<Time>,
    tries_made: u64,
    tries_known: u64,
    findings: Findings,
}

/// Probes whose retries are finished before the next ones begin: bounds the memory of silence (12 bytes a port).
const BLOCK: u64 = 1 << 19;

/// With fewer silent ports than this a lost answer costs nothing that a third try would not find.
const CONTROL_FROM: usize = 500;
/// About so many control probes in a pass of retries, and in a first pass.
const CONTROLS_A_PASS: usize = 200;
const CONTROLS_IN_FIRST_PASS: usize = 60;
/// The first pass leaves half of an open port's control probes to the others, and does not spend them all at once.
const LEFT_BY_FIRST_PASS: u8 = CONTROLS_OF_AN_OPEN_PORT / 2;
const FIRST_PASS_GAP: Duration = Duration::from_millis(10);
/// Open ports are asked sparingly: behind each is a service that sees a connection.
const CONTROLS_OF_AN_OPEN_PORT: u8 = 10;
const CONTROLS_OF_A_CLOSED_PORT: u8 = 20;
/// Of each kind, open and closed.
const MOST_CONTROL_PORTS: usize = 20;

/// Retries a second after a first pass in which nothing at all was heard, about 3 Mbit/s: unless the user has set a
/// rate, and answers for it.
const BLIND_RATE: f64 = 4000.0;

/// A host that limits its refusals is asked again at the rate at which it gives them, so many times at most.
const SLOW_PASSES: u8 = 3;
/// Fewer refusals than this are no sign of a limit.
const FEW: u32 = 32;
/// Slow passes are worth their time up to so many silent ports for each refusal, after the first so many.
const MOST_SILENT: u32 = 100;
const SLOW_PATIENCE: u32 = 1000;

impl Scheduler {
    /// A scheduler for all ports of the hosts from `first_host` on; `order` permutes host × port.
    pub fn new(ports: Vec<u16>, order: Order, first_host: u32, limits: Limits) -> Self {
        Scheduler {
            window: Window::new(limits.window),
            fresh: order.size().min(BLOCK),
            tries_known: order.size(),
            ports,
            limits,
            own: Part {
                first_host: 0,
                order: Order::ascending(0),
                place: 0,
            },
            others: Part {
                first_host,
                order,
                place: 0,
            },
            again: VecDeque::new(),
            silent: Vec::new(),
            under_way: 0,
            trips: Trips::default(),
            losses: Losses::default(),
            controls: VecDeque::new(),
            controls_of_open: 0,
            controls_of_closed: 0,
            until_control: 0,
            congestion: Congestion::new(),
            pass: 0,
            handed_out: 0,
            refused_late: 0,
            refused_by_tries: Vec::new(),
            pass_began: None,
            slow_passes: 0,
            slow_rate: 0.0,
            slow_silent: 0,
            limited_to: None,
            next_slot: Time::ZERO,
            pause_until: Time::ZERO,
            stuck_since: None,
            tries_made: 0,
            findings: Findings::default(),
        }
    }

    /// Goes on where another scan was interrupted: at a place of the order, with ports that still have to be tried.
    pub fn resume_at(&mut self, place: u64, pending: impl IntoIterator<Item = (u32, u16)>) {
        self.others.place = place.min(self.others.order.size());
        self.tries_known -= self.others.place;
        self.fresh = self.left().min(BLOCK);
        for (host, port) in pending {
            self.add(host, port);
        }
    }

    /// Adds the hosts from 0 on, this machine's own, from a place of their order on: they come before the others.
    pub fn add_own(&mut self, order: Order, place: u64) {
        let place = place.min(order.size());
        self.own = Part {
            first_host: 0,
            order,
            place,
        };
        self.tries_known += self.own.left();
        self.fresh = self.left().min(BLOCK);
    }

    /// The next place of the order of this machine's own hosts.
    pub fn own_place(&self) -> u64 {
        self.own.place
    }

    /// How many ports have not been tried yet.
    fn left(&self) -> u64 {
        self.own.left() + self.others.left()
    }

    /// Adds a port that is not in the order, or that nothing is known of.
    pub fn add(&mut self, host: u32, port: u16) {
        self.tries_known += 1;
        self.again.push_back(Pending {
            host,
            port,
            tries: 0,
            tried: 0,
        });
    }

    /// The next place of the order, and the ports before it that are not known: what [`Scheduler::resume_at`] takes.
    pub fn position(&self) -> (u64, impl Iterator<Item = (u32, u16)>) {
        let pending = self.again.iter().chain(&self.silent);
        (
            self.others.place,
            pending.map(|port| (port.host, port.port)),
        )
    }

    /// What is known.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// What is known, to add to it.
    pub fn findings_mut(&mut self) -> &mut Findings {
        &mut self.findings
    }

    /// Answers and losses. Refusals that a host held back are no losses.
    pub fn losses(&self) -> Losses {
        let mut losses = self.losses;
        if self.limited_to.is_some() {
            losses.retried -= losses.refused;
            losses.controls_lost = 0;
        }
        losses
    }

    /// The tries of which the outcome is known, and all that are known to be needed.
    pub fn progress(&self) -> (u64, u64) {
        (self.tries_made, self.tries_known)
    }

    /// The refusals a second to which the targets seem to limit themselves.
    pub fn limited_to(&self) -> Option<f64> {
        self.limited_to
    }

    /// The probes a second to which the scan slowed down, since more were lost.
    pub fn slowed_to(&self) -> Option<f64> {
        self.congestion.rate()
    }

    /// The least and the smoothed round trip of the host that answered quickest.
    pub fn round_trip(&self) -> Option<(Duration, Duration)> {
        self.trips
            .known
            .iter()
            .map(|trip| (trip.least(), trip.smoothed()))
            .min()
    }

    /// The tries that each port gets as things stand.
    pub fn tries(&self) -> u8 {
        match self.limits.tries {
            Some(tries) => tries.max(1),
            None => {
                let usual = if self.losses.seen() { 3 } else { 2 };
                // What went into a link that was overrun counts for nothing: two tries more than those.
                let anew = match self.congestion.pass() {
                    0 => 0,
                    pass => pass.saturating_add(2),
                };
                usual.max(anew)
            }
        }
    }

    /// How many probes may be under way now.
    pub fn window(&self) -> usize {
        self.window.size()
    }

    /// How long to wait for the answer to a probe.
    pub fn patience(&self, probe: &Probe) -> Duration {
        let wait = match self.trips.of(probe.host) {
            // A late answer to a control would be mistaken for a lost one.
            Some(trip) if probe.control.is_some() => {
                (2 * trip.rto()).max(Duration::from_millis(250))
            }
            // RFC 6298, section 5.5, doubles the wait when it was in vain. Here almost all waits are in vain, so a
            // retry waits longer by a quarter: enough to tell a late answer from none.
            Some(trip) if probe.tries_before > 0 => trip.longer_rto(),
            Some(trip) => trip.rto(),
            None => {
                let unknown = FIRST_RTO * (1 << probe.tries_before.min(2));
                return self.limits.timeout.unwrap_or(unknown);
            }
        };
        self.limits.timeout.map_or(wait, |most| wait.min(most))
    }

    /// A time that [`Scheduler::patience`] never goes below.
    pub fn least_patience(&self) -> Duration {
        self.limits
            .timeout
            .map_or(LEAST_RTO, |most| most.min(LEAST_RTO))
    }

    /// What to do now.
    pub fn next(&mut self, now: Time) -> Next {
        const TICK: Duration = Duration::from_millis(5);
        loop {
            let fresh = self.fresh > 0;
            if !fresh && self.again.is_empty() {
                if self.under_way > 0 {
                    return Next::Wait(TICK);
                }
                if self.end_block(now) {
                    return Next::Done;
                }
                continue;
            }
            if self
                .stuck_since
                .is_some_and(|since| now.saturating_sub(since) > PATIENCE)
            {
                return Next::Stuck;
            }
            if now < self.pause_until {
                return Next::Wait(self.pause_until - now);
            }
            if self.under_way >= self.window.size() {
                self.window.full(now);
                if self.under_way >= self.window.size() {
                    return Next::Wait(TICK);
                }
            }
            if let Some(rate) = self.pace() {
                if now < self.next_slot {
                    return Next::Wait(self.next_slot - now);
                }
                // A little may be caught up on, so that a coarse timer does not cost rate: less where bursts are lost.
                let most = if self.congestion.rate().is_some() {
                    4
                } else {
                    10
                };
                let floor = now.saturating_sub(Duration::from_millis(most));
                self.next_slot = self.next_slot.max(floor) + Duration::from_secs_f64(1.0 / rate);
            }
            return Next::Send(self.take(now, fresh));
        }
    }

    fn pace(&self) -> Option<f64> {
        let slow = (self.slow_passes > 0).then_some(self.slow_rate);
        [self.limits.rate, slow, self.congestion.rate()]
            .into_iter()
            .flatten()
            .reduce(f64::min)
    }

    fn take(&mut self, now: Time, fresh: bool) -> Probe {
        self.under_way += 1;
        self.handed_out += 1;
        if let Some(probe) = self.control(now, fresh) {
            return probe;
        }
        let pending = if fresh {
            let part = if self.own.left() > 0 {
                &mut self.own
            } else {
                &mut self.others
            };
            let (host, port) = part.take(&self.ports);
            self.fresh -= 1;
            Pending {
                host,
                port,
                tries: 0,
                tried: 0,
            }
        } else {
            self.pass_began.get_or_insert(now);
            self.again.pop_front().expect("next() has looked")
        };
        let unknown = self.trips.known.is_empty() && self.limits.rate.is_none();
        if unknown && self.pass == 1 && pending.tries == 1 {
            self.congestion.is_blind(BLIND_RATE);
        }
        self.pass = pending.tries.saturating_add(1);
        Probe {
            host: pending.host,
            port: pending.port,
            tries_before: pending.tries,
            control: None,
            sent: now,
            before: pending.tried,
        }
    }

    /// Where almost nothing answers, a lost answer cannot be told from a filtered port, and nothing says how many
    /// are lost. So a few probes go to ports that have answered before.
    fn control(&mut self, now: Time, fresh: bool) -> Option<Probe> {
        let silent = self.again.len() >= CONTROL_FROM;
        if self.limits.tries.is_some() || !silent || self.slow_passes > 0 {
            return None;
        }
        if self.until_control > 0 {
            self.until_control -= 1;
            return None;
        }
        if fresh {
            // Where most ports answer, the answers themselves tell enough.
            let answered = self.losses.at_once * 8 > self.again.len() as u64;
            let last = self.congestion.last_sent();
            let early = last.is_some_and(|last| now < last + FIRST_PASS_GAP);
            let spent = self.controls.front()?.left <= LEFT_BY_FIRST_PASS;
            if answered || early || spent {
                return None;
            }
        }
        let mut control = self.controls.pop_front()?;
        self.until_control = if fresh {
            let left = usize::try_from(self.fresh).unwrap_or(usize::MAX);
            ((self.again.len() + left) / CONTROLS_IN_FIRST_PASS).max(8)
        } else {
            (self.again.len() / CONTROLS_A_PASS).max(8)
        };
        control.left -= 1;
        if control.left > 0 {
            self.controls.push_back(control);
        }
        self.tries_known += 1;
        let probe = Probe::control_of(control.host, control.port, control.state, now);
        self.congestion.sent(probe, self.handed_out);
        Some(probe)
    }

    /// The probe was answered. `state` is open, closed or unreachable.
    pub fn answered(&mut self, now: Time, probe: &Probe, state: State) {
        self.settled();
        if state != State::Unreachable {
            self.measure(now, probe);
        }
        if probe.control.is_some() {
            self.losses.controls += 1;
            self.congestion.heard(now, probe, Heard::Answer, self.pass);
            return;
        }
        match (state, probe.tries_before) {
            (State::Unreachable, _) => {}
            (_, 0) => self.losses.at_once += 1,
            (_, tries) => {
                self.losses.retried += u64::from(tries);
                if state == State::Closed {
                    self.note_late_refusal(tries);
                    self.losses.refused += u64::from(tries);
                }
                self.window.lost(now, from_millis(probe.before));
            }
        }
        if state != State::Unreachable {
            self.may_become_control(probe, state);
        }
        self.findings
            .note(probe.host, probe.port, state, self.limits.details);
    }

    /// An answer has come, or the wait for one is over: something did get out.
    fn settled(&mut self) {
        self.under_way -= 1;
        self.tries_made += 1;
        self.stuck_since = None;
    }

    fn measure(&mut self, now: Time, probe: &Probe) {
        let sample = now.saturating_sub(probe.sent);
        let trip = self.trips.sample(probe.host, now, sample);
        self.window.answered(now, trip);
    }

    /// Closed ports are the politer controls, since nobody is behind them; open ones say more.
    fn may_become_control(&mut self, probe: &Probe, state: State) {
        let open = state == State::Open;
        let (count, left) = if open {
            (&mut self.controls_of_open, CONTROLS_OF_AN_OPEN_PORT)
        } else {
            (&mut self.controls_of_closed, CONTROLS_OF_A_CLOSED_PORT)
        };
        if *count == MOST_CONTROL_PORTS {
            return;
        }
        *count += 1;
        self.controls.push_back(Control {
            host: probe.host,
            port: probe.port,
            state,
            left,
        });
    }

    /// No answer has come within [`Scheduler::patience`].
    pub fn silent(&mut self, now: Time, probe: &Probe) {
        self.settled();
        if probe.control.is_some() {
            self.losses.controls_lost += 1;
            if self.congestion.heard(now, probe, Heard::Loss, self.pass) {
                self.next_slot = now;
            }
            return;
        }
        let pending = Pending {
            host: probe.host,
            port: probe.port,
            tries: probe.tries_before.saturating_add(1),
            tried: millis(probe.sent),
        };
        if self.slow_passes == 0 && pending.tries < self.tries() {
            self.tries_known += 1;
            self.again.push_back(pending);
        } else {
            self.silent.push(pending);
        }
        if self.slow_passes > 1 {
            self.slow_silent += 1;
            self.may_break_off();
        }
    }

    /// A further slow pass that brings hardly any refusals is not worth its time: what is left of it stays silent.
    fn may_break_off(&mut self) {
        if self.slow_silent > SLOW_PATIENCE + MOST_SILENT * self.refused_late {
            self.tries_known -= self.again.len() as u64;
            self.silent.extend(self.again.drain(..));
        }
    }

    fn note_late_refusal(&mut self, tries_before: u8) {
        let tries = usize::from(tries_before);
        if self.refused_by_tries.len() <= tries {
            self.refused_by_tries.resize(tries + 1, 0);
        }
        self.refused_by_tries[tries] += 1;
        self.refused_late += 1;
    }

    /// This machine could not send the probe. The port is as unknown as before.
    pub fn not_sent(&mut self, now: Time, probe: &Probe) {
        self.under_way -= 1;
        self.window.local_error(now, self.under_way);
        self.pause_until = now + Duration::from_millis(10);
        self.stuck_since.get_or_insert(now);
        self.give_back(probe);
    }

    /// The scan is being stopped while the probe is under way.
    pub fn interrupted(&mut self, probe: &Probe) {
        self.under_way -= 1;
        self.give_back(probe);
    }

    fn give_back(&mut self, probe: &Probe) {
        if probe.control.is_some() {
            self.congestion
                .heard(probe.sent, probe, Heard::Nothing, self.pass);
            self.tries_known -= 1;
            return;
        }
        self.again.push_front(Pending {
            host: probe.host,
            port: probe.port,
            tries: probe.tries_before,
            tried: probe.before,
        });
    }

    /// The block's passes are over. Starts another pass or the next block; `true` when nothing is left.
    fn end_block(&mut self, now: Time) -> bool {
        let tries = self.tries();
        if self.slow_passes == 0 && self.silent.iter().any(|port| port.tries < tries) {
            // Loss has shown after these had had their two tries.
            self.requeue_silent(tries);
            return false;
        }
        if self.refuses_slowly(now) {
            self.slow_passes += 1;
            self.requeue_silent(u8::MAX);
            return false;
        }
        for port in self.silent.drain(..) {
            let details = self.limits.details;
            self.findings
                .note(port.host, port.port, State::Filtered, details);
        }
        self.slow_passes = 0;
        self.pass_began = None;
        self.refused_late = 0;
        self.refused_by_tries.clear();
        self.pass = 0;
        self.congestion.next_block(self.trips.known.is_empty());
        self.fresh = self.left().min(BLOCK);
        self.fresh == 0
    }

    /// Those that were tried less often than this are tried again.
    fn requeue_silent(&mut self, tries: u8) {
        let (again, silent): (Vec<Pending>, _) =
            self.silent.drain(..).partition(|port| port.tries < tries);
        self.silent = silent;
        self.tries_known += again.len() as u64;
        self.again.extend(again);
        self.pass_began = None;
        self.refused_late = 0;
    }

    /// Whether the silent ports are to be asked once more, slowly, since many of them are closed rather than filtered.
    fn refuses_slowly(&mut self, now: Time) -> bool {
        let Some(began) = self.pass_began.filter(|_| self.limits.tries.is_none()) else {
            return false;
        };
        let (refused, silent) = (self.refused_late as usize, self.silent.len());
        let trickle = self.refused_late >= FEW
            && silent >= FEW as usize
            && silent < MOST_SILENT as usize * refused;
        if !trickle || self.slow_passes >= SLOW_PASSES {
            return false;
        }
        let seconds = now.saturating_sub(began).as_secs_f64().max(0.1);
        let seen = f64::from(self.refused_late) / seconds;
        if self.slow_passes > 0 {
            // Either the host gave no more, or there were no more closed ports to be refused.
            self.slow_rate = (seen * 0.9).max(self.slow_rate / 2.0);
        } else {
            if self.refusals_keep_coming() {
                self.limited_to = Some(seen);
            } else if silent > refused {
                return false;
            }
            // Without a limit it was a queue that overflowed, and so few ports cost little.
            self.slow_rate = seen * 0.9;
        }
        self.slow_silent = 0;
        true
    }

    /// Whether as many refusals come to each try as to the one before. Packets that are lost by chance are found by
    /// the next try, so behind mere loss the refusals of each try are a small share of the last one's.
    fn refusals_keep_coming(&self) -> bool {
        let tries = usize::from(self.tries());
        let refused = &self.refused_by_tries;
        let of = |tries_before| refused.get(tries_before).copied().unwrap_or(0);
        let (before, last) = (of(tries.saturating_sub(2)), of(tries - 1));
        last >= FEW / 2 && last >= before / 2
    }
}

fn millis(time: Time) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

fn from_millis(millis: u32) -> Time {
    Duration::from_millis(u64::from(millis))
}
