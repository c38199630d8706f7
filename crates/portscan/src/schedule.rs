//! What to probe next: a pure state machine that knows neither sockets nor a clock.
//!
//! Every port is tried once, in random order; a port that did not answer is tried again in a later
//! pass. The engine asks [`Scheduler::next`] what to send and reports what came of it; time is
//! handed in. Several workers share one scheduler, so that all know what one learns about a host
//! (its round trip, its losses).
//!
//! | module | holds |
//! |---|---|
//! | [`queue`] | the ports that still have to be tried |
//! | [`round_trips`] | the round trip of each host that has answered |
//! | [`controls`] | control probes: whether answers are lost |
//! | [`refusals`] | hosts that limit their refusals, and slow passes |
//! | [`pacer`] | when the next probe may go |

use std::time::Duration;

use crate::congestion::{Congestion, ProbeOutcome};
use crate::findings::{Findings, Losses, State};
use crate::limits::Limits;
use crate::permutation::Permutation;
use crate::probe::Probe;
use crate::window::{FIRST_RTO, MIN_RTO, Time, Window};

mod controls;
mod pacer;
mod queue;
mod refusals;
mod round_trips;

use controls::{Controls, Pass};
use pacer::Pacer;
pub use pacer::STUCK_AFTER;
use queue::{Pending, Queue};
use refusals::RefusalLimit;
use round_trips::RoundTrips;

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

/// How much of a rate may be made up for, and how much of one that was found because bursts are
/// lost.
const BURST: Duration = Duration::from_millis(10);
const SMALL_BURST: Duration = Duration::from_millis(4);

/// See the module.
#[derive(Debug)]
pub struct Scheduler {
    limits: Limits,
    queue: Queue,
    in_flight: usize,
    window: Window,
    round_trips: RoundTrips,
    losses: Losses,
    controls: Controls,
    congestion: Congestion,
    refusals: RefusalLimit,
    pacer: Pacer,
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
            round_trips: RoundTrips::default(),
            losses: Losses::default(),
            controls: Controls::default(),
            congestion: Congestion::new(),
            refusals: RefusalLimit::default(),
            pacer: Pacer::default(),
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

    /// The next position in the order of the local hosts.
    pub fn local_position(&self) -> u64 {
        self.queue.local_position()
    }

    /// The next position in the order of the remote hosts, and the ports before it whose state is
    /// not known: what [`Scheduler::resume_at`] takes.
    pub fn position(&self) -> (u64, impl Iterator<Item = (u32, u16)>) {
        (self.queue.remote_position(), self.queue.pending())
    }

    /// What is known.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// What is known, to add to it.
    pub fn findings_mut(&mut self) -> &mut Findings {
        &mut self.findings
    }

    /// Answers and losses. Refusals that a host held back do not count as losses.
    pub fn losses(&self) -> Losses {
        let mut losses = self.losses;
        if self.refusals.limited_to().is_some() {
            losses.retried -= losses.refused;
            losses.controls_lost = 0;
        }
        losses
    }

    /// The tries whose outcome is known, and all tries that are needed as far as is known.
    pub fn progress(&self) -> (u64, u64) {
        (self.tries_made, self.tries_needed)
    }

    /// The refusals a second to which the targets seem to limit themselves.
    pub fn limited_to(&self) -> Option<f64> {
        self.refusals.limited_to()
    }

    /// The probes a second to which the scan slowed down, since more were lost.
    pub fn slowed_to(&self) -> Option<f64> {
        self.congestion.rate()
    }

    /// The least and the smoothed round trip of the host that answered quickest.
    pub fn round_trip(&self) -> Option<(Duration, Duration)> {
        self.round_trips.quickest()
    }

    /// The tries that each port gets as things are now.
    pub fn tries(&self) -> u8 {
        if let Some(tries) = self.limits.tries {
            return tries.max(1);
        }
        let usual = if self.losses.seen() { 3 } else { 2 };
        // Probes into a link that was overrun do not count: two tries more than those.
        let after_congestion = match self.congestion.pass() {
            0 => 0,
            pass => pass.saturating_add(2),
        };
        usual.max(after_congestion)
    }

    /// How many probes may be in flight now.
    pub fn window(&self) -> usize {
        self.window.size()
    }

    /// How long to wait for the answer to a probe.
    pub fn timeout(&self, probe: &Probe) -> Duration {
        let least = self.limits.least_wait.unwrap_or_default();
        self.usual_timeout(probe).max(least)
    }

    fn usual_timeout(&self, probe: &Probe) -> Duration {
        let wait = match self.round_trips.of(probe.host) {
            // A late answer to a control would be mistaken for a lost one.
            Some(trip) if probe.control.is_some() => {
                (2 * trip.rto()).max(Duration::from_millis(250))
            }
            // RFC 6298, section 5.5, doubles the wait when it was in vain. Here almost all waits
            // are in vain, so a retry waits longer by a quarter: enough to tell a late answer from
            // none.
            Some(trip) if probe.tries_before > 0 => trip.longer_rto(),
            Some(trip) => trip.rto(),
            None => {
                let unknown = FIRST_RTO * (1 << probe.tries_before.min(2));
                return self.limits.timeout.unwrap_or(unknown);
            }
        };
        self.limits.timeout.map_or(wait, |most| wait.min(most))
    }

    /// A time that [`Scheduler::timeout`] never goes below.
    pub fn min_timeout(&self) -> Duration {
        self.limits
            .timeout
            .map_or(MIN_RTO, |most| most.min(MIN_RTO))
    }

    /// What to do now.
    pub fn next(&mut self, now: Time) -> Next {
        const TICK: Duration = Duration::from_millis(5);
        while self.queue.is_empty() {
            if self.in_flight > 0 {
                return Next::Wait(TICK);
            }
            if self.end_block(now) {
                return Next::Done;
            }
        }
        if self.pacer.is_stuck(now) {
            return Next::Stuck;
        }
        if let Some(rest) = self.pacer.pause(now) {
            return Next::Wait(rest);
        }
        if self.in_flight >= self.window.size() {
            self.window.full(now);
            if self.in_flight >= self.window.size() {
                return Next::Wait(TICK);
            }
        }
        if let Some(rate) = self.rate() {
            let burst = match self.congestion.rate() {
                Some(_) => SMALL_BURST,
                None => BURST,
            };
            if let Err(wait) = self.pacer.take_slot(now, rate, burst) {
                return Next::Wait(wait);
            }
        }
        Next::Send(self.take(now))
    }

    /// The lowest of the user's rate, the rate of a slow pass and the rate that the path can carry.
    fn rate(&self) -> Option<f64> {
        [
            self.limits.rate,
            self.refusals.rate(),
            self.congestion.rate(),
        ]
        .into_iter()
        .flatten()
        .reduce(f64::min)
    }

    fn take(&mut self, now: Time) -> Probe {
        self.in_flight += 1;
        self.sent += 1;
        if let Some(probe) = self.control(now) {
            return probe;
        }
        if self.queue.untried() == 0 {
            self.refusals.retry(now);
        }
        let pending = self.queue.take();
        let unknown = self.round_trips.is_empty() && self.limits.rate.is_none();
        if unknown && self.pass == 1 && pending.tries == 1 {
            self.congestion.set_blind_rate(BLIND_RATE);
        }
        self.pass = pending.tries.saturating_add(1);
        Probe {
            host: pending.host,
            port: pending.port,
            tries_before: pending.tries,
            control: None,
            sent: now,
            previous: pending.tried,
        }
    }

    fn control(&mut self, now: Time) -> Option<Probe> {
        if self.limits.tries.is_some() || self.refusals.is_slow() {
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
        self.congestion.sent(probe, self.sent);
        Some(probe)
    }

    /// The probe was answered. `state` is open, closed or unreachable.
    pub fn answered(&mut self, now: Time, probe: &Probe, state: State) {
        self.settled();
        if state != State::Unreachable {
            let sample = now.saturating_sub(probe.sent);
            let trip = self.round_trips.sample(probe.host, now, sample);
            self.window.answered(now, trip);
        }
        if probe.control.is_some() {
            self.losses.controls += 1;
            self.congestion
                .record(now, probe, ProbeOutcome::Answered, self.pass);
            return;
        }
        self.queue.settled(probe.host, probe.port);
        match (state, probe.tries_before) {
            (State::Unreachable, _) => {}
            (_, 0) => self.losses.at_once += 1,
            (_, tries) => {
                self.losses.retried += u64::from(tries);
                if state == State::Closed {
                    self.refusals.refused(tries);
                    self.losses.refused += u64::from(tries);
                }
                self.window.lost(now, from_millis(probe.previous));
            }
        }
        if state != State::Unreachable {
            self.controls.offer(probe, state);
        }
        self.findings
            .record(probe.host, probe.port, state, self.limits.details);
        let counts = self.findings.counts.get(&probe.host);
        if counts.is_some_and(|counts| counts.all() >= self.queue.ports_of_a_host()) {
            self.round_trips.forget(probe.host);
        }
    }

    /// An answer has come, or the wait for one is over: something did get out.
    fn settled(&mut self) {
        self.in_flight -= 1;
        self.tries_made += 1;
        self.pacer.settled();
    }

    /// No answer has come within [`Scheduler::timeout`].
    pub fn silent(&mut self, now: Time, probe: &Probe) {
        self.settled();
        if probe.control.is_some() {
            self.losses.controls_lost += 1;
            if self
                .congestion
                .record(now, probe, ProbeOutcome::Lost, self.pass)
            {
                self.pacer.restart(now);
            }
            return;
        }
        self.queue.settled(probe.host, probe.port);
        let pending = Pending {
            host: probe.host,
            port: probe.port,
            tries: probe.tries_before.saturating_add(1),
            tried: millis(probe.sent),
        };
        if !self.refusals.is_slow() && pending.tries < self.tries() {
            self.tries_needed += 1;
            self.queue.retries.push_back(pending);
        } else {
            self.queue.silent.push(pending);
        }
        if self.refusals.silent() {
            self.tries_needed -= self.queue.drop_retries();
        }
    }

    /// This machine could not send the probe. The port is as unknown as before.
    pub fn not_sent(&mut self, now: Time, probe: &Probe) {
        self.in_flight -= 1;
        self.window.local_error(now, self.in_flight);
        self.pacer.local_error(now);
        self.put_back(probe);
    }

    /// The scan is being stopped while the probe is in flight.
    pub fn interrupted(&mut self, probe: &Probe) {
        self.in_flight -= 1;
        self.put_back(probe);
    }

    fn put_back(&mut self, probe: &Probe) {
        if probe.control.is_some() {
            self.congestion
                .record(probe.sent, probe, ProbeOutcome::Unknown, self.pass);
            self.tries_needed -= 1;
            return;
        }
        self.queue.settled(probe.host, probe.port);
        self.queue.retries.push_front(Pending::before(probe));
    }

    /// The block's passes are over. Starts another pass or the next block; `true` when nothing is
    /// left.
    fn end_block(&mut self, now: Time) -> bool {
        let tries = self.tries();
        if !self.refusals.is_slow() && self.queue.silent.iter().any(|port| port.tries < tries) {
            // Loss has shown after these had had their two tries.
            self.retry_silent(tries);
            return false;
        }
        let silent = self.queue.silent.len();
        if self.limits.tries.is_none() && self.refusals.begin_slow_pass(now, silent, tries) {
            self.retry_silent(u8::MAX);
            return false;
        }
        for port in self.queue.silent.drain(..) {
            self.findings
                .record(port.host, port.port, State::Filtered, self.limits.details);
        }
        self.refusals.next_block();
        self.pass = 0;
        self.congestion.next_block(self.round_trips.is_empty());
        !self.queue.next_block()
    }

    /// Silent ports with fewer tries than this are tried again.
    fn retry_silent(&mut self, tries: u8) {
        self.tries_needed += self.queue.retry_silent(tries);
        self.refusals.next_pass();
    }
}

fn millis(time: Time) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

fn from_millis(millis: u32) -> Time {
    Duration::from_millis(u64::from(millis))
}
