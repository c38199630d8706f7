//! What to probe next: a pure state machine that knows neither sockets nor a clock.
//!
//! Every port is tried once, in random order; a port that did not answer is tried again in a later
//! pass. The engine asks [`Scheduler::next`] what to send and reports what came of it; time is
//! handed in. Several workers share one scheduler, so that all know what one learns about a host
//! (its round trip, its losses).
//!
//! | module | holds |
//! |---|---|
//! | [`patience`] | how often a port is tried, and how long each try waits |
//! | [`outcomes`] | what came of a probe |
//! | [`verdicts`] | what silent ports are called, and what is in doubt |
//! | [`queue`] | the ports that still have to be tried |
//! | [`hosts`] | what each host that has answered has told: round trip, losses |
//! | [`controls`] | control probes: whether answers are lost |
//! | [`settle`] | the second look at a host's silent ports |
//! | [`round`] | one round of it |
//! | [`settling`] | the second looks at many hosts at once |
//! | [`gate`] | hosts that may not be there |
//! | [`outages`] | hosts to which this machine has no way just now |
//! | [`pacer`] | when the next probe may go |

use std::ops::Range;
use std::time::Duration;

use crate::congestion::Congestion;
use crate::findings::{Doubt, Findings, Losses, State};
use crate::limits::Limits;
use crate::permutation::Permutation;
use crate::probe::Probe;
use crate::window::{Time, Window};

mod controls;
mod gate;
mod hosts;
mod outages;
mod outcomes;
mod pacer;
mod patience;
mod queue;
mod round;
mod settle;
mod settling;
mod verdicts;

use controls::{Controls, Pass};
use gate::Gate;
use hosts::Hosts;
use outages::{Outages, Pilot};
use pacer::Pacer;
pub use pacer::{STUCK_AFTER, apart};
use queue::{Pending, Queue};
use settle::Step;
use settling::Settling;

/// What [`Scheduler::next`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Make this connect.
    Send(Probe),
    /// Send nothing before this time has passed or an outcome is reported.
    Wait(Duration),
    /// This machine has not been able to send anything for [`STUCK_AFTER`].
    Stuck,
    /// Everything is known.
    Done,
}

/// Retries a second after a first pass without any answer, about 3 Mbit/s. It gives way to a rate
/// that the user sets.
const BLIND_RATE: f64 = 4000.0;

/// The waits of the first try and of the next ones, before a host's first answer.
const FIRST_WAITS: [Duration; 2] = [Duration::from_millis(900), Duration::from_millis(1900)];

/// The longest time between two looks.
const TICK: Duration = Duration::from_millis(5);

/// The chance of a missed port that is small enough where a second look at so many would take long.
const ENOUGH: f64 = 3e-4;

/// How much of a rate may be made up for: longer bursts are lost on a slow link.
const BURST: Duration = Duration::from_millis(4);

/// See the module.
#[derive(Debug)]
pub struct Scheduler {
    limits: Limits,
    queue: Queue,
    in_flight: usize,
    window: Window,
    hosts: Hosts,
    losses: Losses,
    /// Tries in vain that a host's limit explains, and control probes.
    held_back: (u64, u64),
    controls: Controls,
    congestion: Congestion,
    settling: Settling,
    outages: Outages,
    gate: Gate,
    pacer: Pacer,
    /// A probe that may not be sent yet.
    ready: Option<Probe>,
    /// The answers a second at which a host seems to stop answering.
    limited_to: Option<f64>,
    /// The probes a second at which a second look got the answers that were lost before.
    slowed_to: Option<f64>,
    /// How many tries the ports of this pass have had with it.
    pass: u8,
    /// Probes handed out.
    sent: u64,
    tries_made: u64,
    tries_needed: u64,
    findings: Findings,
}

impl Scheduler {
    /// A scheduler for all ports of the hosts from `first_host` on; `order` permutes host × port.
    pub fn new(ports: Vec<u16>, order: Permutation, first_host: u32, limits: Limits) -> Self {
        Scheduler {
            window: Window::new(limits.window),
            limits,
            tries_needed: order.size(),
            queue: Queue::new(ports, order, first_host),
            in_flight: 0,
            hosts: Hosts::default(),
            losses: Losses::default(),
            held_back: (0, 0),
            controls: Controls::default(),
            congestion: Congestion::new(),
            settling: Settling::default(),
            outages: Outages::default(),
            gate: Gate::default(),
            pacer: Pacer::default(),
            ready: None,
            limited_to: None,
            slowed_to: None,
            pass: 0,
            sent: 0,
            tries_made: 0,
            findings: Findings::default(),
        }
    }

    /// Continues an interrupted scan: from a position in the order on, with ports that still have
    /// to be tried.
    pub fn resume_at(&mut self, position: u64, pending: impl IntoIterator<Item = (u32, u16)>) {
        self.tries_needed -= self.queue.skip_remote(position);
        self.tries_needed += self.queue.resume(pending);
    }

    /// Ports that an interrupted scan has found open: controls may ask them before another port has
    /// answered.
    pub fn know_open(&mut self, ports: impl IntoIterator<Item = (u32, u16)>) {
        for (host, port) in ports {
            let probe = Probe::control_of(host, port, State::Open, Time::ZERO);
            self.controls.offer(&probe, State::Open);
            self.hosts.tally_mut(host).know_open(port);
        }
    }

    /// Adds the hosts from 0 on, addresses of this machine, from a position in their order on. They
    /// come before the remote hosts.
    pub fn add_local(&mut self, order: Permutation, position: u64) {
        self.tries_needed += self.queue.add_local(order, position);
    }

    /// Adds a port that is not in the order, or whose state is not known.
    pub fn add(&mut self, host: u32, port: u16) {
        self.tries_needed += 1;
        self.queue.add(host, port);
    }

    /// Finds out first which hosts of the local network are there. The caller tells those that are
    /// not, see [`Scheduler::no_machine`].
    pub fn look_for(&mut self, neighbors: Vec<Range<u32>>) {
        self.gate = Gate::new(neighbors);
    }

    /// Whether to call [`Scheduler::no_machine`] for the hosts that are not there.
    pub fn asks_for_missing(&self, now: Time) -> bool {
        self.gate.asks(now)
    }

    /// No machine of the local network has the address of a host.
    pub fn no_machine(&mut self, now: Time, host: u32) {
        for port in self.gate.missing(now, host) {
            self.record_missing(port);
        }
    }

    fn record_missing(&mut self, port: Pending) {
        self.tries_made += 1;
        self.record_unreachable(port, Some(Doubt::NoMachine));
    }

    /// The next position in the order of the local hosts.
    pub fn local_position(&self) -> u64 {
        self.queue.local_position()
    }

    /// The next position in the order of the remote hosts, and the ports before it whose state is
    /// not known: what [`Scheduler::resume_at`] takes.
    pub fn position(&self) -> (u64, impl Iterator<Item = (u32, u16)>) {
        let others = self.settling.pending().chain(self.outages.held());
        let others = others.chain(self.gate.held());
        let others = others.map(|port| (port.host, port.port));
        (
            self.queue.remote_position(),
            self.queue.pending().chain(others),
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

    /// Answers and losses. What a host held back does not count as lost.
    pub fn losses(&self) -> Losses {
        let mut losses = self.losses;
        losses.retried = losses.retried.saturating_sub(self.held_back.0);
        losses.controls_lost = losses.controls_lost.saturating_sub(self.held_back.1);
        losses
    }

    /// The tries whose outcome is known, and all tries that are needed as far as is known.
    pub fn progress(&self) -> (u64, u64) {
        (self.tries_made, self.tries_needed)
    }

    /// The answers a second to which a host seems to limit itself.
    pub fn limited_to(&self) -> Option<f64> {
        self.limited_to
    }

    /// The probes a second to which the scan slowed down, since more were lost.
    pub fn slowed_to(&self) -> Option<f64> {
        least(self.congestion.rate(), self.slowed_to)
    }

    /// The least and the smoothed round trip of the host that answered quickest.
    pub fn round_trip(&self) -> Option<(Duration, Duration)> {
        self.hosts.quickest()
    }

    /// How many probes may be in flight now.
    pub fn window(&self) -> usize {
        self.window.size()
    }

    /// What to do now.
    pub fn next(&mut self, now: Time) -> Next {
        if self.pacer.is_stuck(now) {
            return Next::Stuck;
        }
        if self.in_flight >= self.window.size() {
            if !self.queue.is_empty() || self.settling.is_active() {
                self.window.full(now);
            }
            if self.in_flight >= self.window.size() {
                return Next::Wait(TICK);
            }
        }
        if self.ready.is_none() {
            match self.find(now) {
                Ok(probe) => self.ready = Some(probe),
                Err(next) => return next,
            }
        }
        if let Some(rest) = self.pacer.pause(now) {
            return Next::Wait(rest);
        }
        let rate = self.rate();
        // The second look at one host finds its own pace.
        let alone = self.ready.is_some_and(|probe| probe.look) && !self.settling.has_several();
        let rate = if alone { self.limits.rate } else { rate };
        if let Some(wait) = rate.and_then(|rate| self.pacer.until_slot(now, rate)) {
            return Next::Wait(wait);
        }
        let Some(mut probe) = self.ready.take() else {
            return Next::Wait(TICK);
        };
        probe.sent = now;
        probe.syns = self.syns(&probe);
        if let Some(rate) = rate {
            self.pacer.take_slot(now, rate, BURST, probe.syns);
        }
        self.in_flight += 1;
        self.sent += 1;
        if probe.control.is_some() && !probe.look {
            self.congestion.sent(probe, self.sent);
        }
        Next::Send(probe)
    }

    /// The next probe, whether it may be sent already or not.
    fn find(&mut self, now: Time) -> Result<Probe, Next> {
        for port in self.gate.released(now) {
            self.queue.retries.push_front(port);
        }
        loop {
            if let Some(pilot) = self.outages.pilot(now, self.limits.tries.is_none()) {
                return Ok(self.pilot(now, pilot));
            }
            if !self.queue.is_empty() {
                match self.take(now) {
                    Some(probe) => return Ok(probe),
                    None => continue,
                }
            }
            match self.settling.next(now) {
                Some(Step::Ask(probe)) => {
                    if probe.control.is_none() {
                        self.queue.hand_out(&Pending::before(&probe));
                    }
                    self.tries_needed += 1;
                    return Ok(probe);
                }
                Some(Step::At(time)) => {
                    let rest = time.saturating_sub(now);
                    return Err(Next::Wait(rest.clamp(Duration::from_micros(1), TICK)));
                }
                Some(Step::Await) => return Err(Next::Wait(TICK)),
                Some(Step::Over(verdict)) => {
                    self.settled_host(&verdict);
                    continue;
                }
                None => {}
            }
            if self.in_flight > 0 {
                return Err(Next::Wait(TICK));
            }
            if self.gate.any_waits() {
                return Err(Next::Wait(TICK));
            }
            if self.outages.any_down() {
                self.give_up_unreachable(now);
                if self.outages.any_down() {
                    return Err(Next::Wait(TICK));
                }
                continue;
            }
            if self.end_block(now) {
                return Err(Next::Done);
            }
        }
    }

    fn pilot(&mut self, now: Time, pilot: Pilot) -> Probe {
        let probe = match pilot {
            Pilot::Port(port) => {
                self.queue.hand_out(&port);
                port.probe(now)
            }
            Pilot::Control(host) => {
                self.tries_needed += 1;
                let (port, state) = self.hosts.tally(host).known_port();
                Probe::control_of(host, port, state, now)
            }
        };
        Probe {
            pilot: true,
            ..probe
        }
    }

    /// The lower of the user's rate and the rate that the path can carry.
    fn rate(&self) -> Option<f64> {
        least(self.limits.rate, self.congestion.rate())
    }

    /// The next port of the quick passes, or a control probe. `None` for a port that is held back.
    fn take(&mut self, now: Time) -> Option<Probe> {
        if let Some(probe) = self.control(now) {
            return Some(probe);
        }
        let pending = self.queue.take();
        if self.outages.is_down(pending.host) {
            self.queue.settled(pending.host, pending.port);
            self.outages.hold(pending);
            return None;
        }
        if self.hosts.seems_gone(now, pending.host) {
            // Whether it is gone is for the second look to say.
            self.queue.settled(pending.host, pending.port);
            self.queue.silent.push(pending);
            return None;
        }
        if self.gate.is_before(pending.host) && !self.hosts.tally(pending.host).answers() {
            let pass = self.gate.pass(now, pending);
            if pass != gate::Pass::Now {
                self.queue.settled(pending.host, pending.port);
                if pass == gate::Pass::Missing {
                    self.record_missing(pending);
                }
                return None;
            }
        }
        let unknown = self.hosts.is_empty() && self.limits.rate.is_none();
        if unknown && self.pass == 1 && pending.tries == 1 {
            self.congestion.set_blind_rate(BLIND_RATE);
        }
        self.pass = pending.tries.saturating_add(1);
        // Without a second look the last try has the patience.
        let last = self
            .limits
            .tries
            .is_some_and(|tries| tries > 1 && pending.tries.saturating_add(1) >= tries);
        Some(Probe {
            patient: last,
            ..pending.probe(now)
        })
    }

    fn control(&mut self, now: Time) -> Option<Probe> {
        if self.limits.tries.is_some() {
            return None;
        }
        let pass = Pass {
            untried: self.queue.untried(),
            retries: self.queue.retries.len(),
            at_once: self.losses.at_once,
            last_control: self.congestion.last_sent(),
        };
        let probe = self.controls.due(now, pass)?;
        self.tries_needed += 1;
        Some(probe)
    }
}

/// The lower of two rates, as far as there are both.
fn least(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).reduce(f64::min)
}

fn millis(time: Time) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

fn from_millis(millis: u32) -> Time {
    Duration::from_millis(u64::from(millis))
}
