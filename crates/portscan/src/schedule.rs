//! What to probe next: a pure state machine that knows neither sockets nor a clock.
//!
//! Every port is tried once, in random order; a port that did not answer is tried again in a later
//! pass. The engine asks [`Scheduler::next`] what to send and reports what came of it; time is
//! handed in. One file, since each of these calls changes several of the fields below.
//! Several workers share one scheduler, so that all know what one learns about a host
//! (its round trip, its losses).
//!
//! | module | holds |
//! |---|---|
//! | [`queue`] | the ports that still have to be tried |
//! | [`hosts`] | what each host that has answered has told: round trip, losses |
//! | [`controls`] | control probes: whether answers are lost |
//! | [`settle`] | the second look at a host's silent ports |
//! | [`settling`] | the second looks at many hosts at once |
//! | [`gate`] | hosts that may not be there |
//! | [`outages`] | hosts to which this machine has no way just now |
//! | [`pacer`] | when the next probe may go |

use std::time::Duration;

use crate::congestion::{Congestion, ProbeOutcome};
use crate::findings::{Doubt, Findings, Losses, State};
use crate::limits::Limits;
use crate::permutation::Permutation;
use crate::probe::Probe;
use crate::window::{MIN_RTO, RoundTrip, Time, Window};

mod controls;
mod gate;
mod hosts;
mod outages;
mod pacer;
mod queue;
mod settle;
mod settling;

use controls::{Controls, Pass};
use gate::Gate;
use hosts::{Hosts, Tries};
use outages::Outages;
use pacer::Pacer;
pub use pacer::STUCK_AFTER;
use queue::{Pending, Queue};
use settle::{Settle, Step, Verdict};
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

/// How long a patient probe waits: RFC 6298 has 1 s before anything is known (section 2.1).
const PATIENT_WAIT: Duration = Duration::from_millis(1200);

/// With more silent ports than this, only those of hosts that gave too little evidence are looked
/// at again: one window of patient probes.
const FEW_SILENT: usize = 16_384;

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

    /// Finds out first which of so many hosts are there. The caller tells those that are not, see
    /// [`Scheduler::no_machine`].
    pub fn look_for(&mut self, hosts: u64) {
        self.gate = Gate::new(hosts);
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
        self.findings.record(
            port.host,
            port.port,
            State::Unreachable,
            self.limits.details,
        );
        self.findings.counts.doubt(port.host, Doubt::NoMachine);
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

    /// The tries that each port gets in the quick passes as things are now.
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

    /// The tries of a host's ports: more where packets are lost by chance.
    fn tries_of(&self, host: u32) -> u8 {
        const MOST: u8 = 5;
        const FEW: u32 = 8;
        let tries = self.tries();
        let tally = self.hosts.tally(host);
        let Tries { all, lost } = tally.all_tries();
        if self.limits.tries.is_some() || lost < FEW || tally.keeps_coming() {
            return tries;
        }
        // Of the ports that answer, hardly one shall be left for the second look.
        let enough = ENOUGH.min(0.1 / f64::from(all));
        let sure = |tries: &u8| tally.miss_chance(u32::from(*tries)) <= enough;
        tries.max((1..MOST).find(sure).unwrap_or(MOST))
    }

    /// How many probes may be in flight now.
    pub fn window(&self) -> usize {
        self.window.size()
    }

    /// How long to wait for the answer to a probe: never so long that the system sends one SYN more
    /// than the probe may.
    pub fn timeout(&self, probe: &Probe) -> Duration {
        self.wanted_timeout(probe)
            .min(probe.last_moment() - probe.sent)
    }

    fn wanted_timeout(&self, probe: &Probe) -> Duration {
        let least = self.limits.least_wait.unwrap_or_default();
        let wait = self.usual_timeout(probe).max(least);
        match self.limits.timeout {
            Some(most) if probe.patient => wait.max(PATIENT_WAIT).min(most.max(least)),
            None if probe.patient => wait.max(PATIENT_WAIT),
            _ => wait,
        }
    }

    fn usual_timeout(&self, probe: &Probe) -> Duration {
        let wait = match self.hosts.trip(probe.host) {
            // A late answer to a control would be mistaken for a lost one.
            Some(trip) if probe.control.is_some() => {
                (2 * trip.rto()).max(Duration::from_millis(250))
            }
            // The second look has the patience for the host's slowest answer.
            Some(trip) if probe.look => trip.longer_rto().max(trip.most() * 5 / 4),
            // RFC 6298, section 5.5, doubles the wait when it was in vain. Here almost all waits
            // are in vain, so a retry waits longer by a quarter: enough to tell a late answer from
            // none.
            Some(trip) if probe.tries_before > 0 => trip.longer_rto(),
            Some(trip) => trip.rto(),
            None => {
                let unknown = FIRST_WAITS[usize::from(probe.tries_before).min(1)];
                return self.limits.timeout.unwrap_or(unknown);
            }
        };
        self.limits.timeout.map_or(wait, |most| wait.min(most))
    }

    /// The SYNs that a probe may send: as many as its wait takes, within the tries of the user.
    fn syns(&self, probe: &Probe) -> u8 {
        let seconds = self.wanted_timeout(probe).as_secs_f64().ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and 20"
        )]
        let wanted = seconds.clamp(1.0, 20.0) as u8;
        // A second SYN of a control probe would hide that the first was lost.
        let slow = self.hosts.trip(probe.host);
        let slow = slow.is_some_and(|trip| trip.most() * 5 / 4 > FIRST_WAITS[0]);
        if probe.control.is_some() && !slow {
            return 1;
        }
        let may = self.limits.tries.unwrap_or(u8::MAX);
        wanted.min(may.saturating_sub(probe.tries_before)).max(1)
    }

    /// A time that [`Scheduler::timeout`] never goes below.
    pub fn min_timeout(&self) -> Duration {
        self.limits
            .timeout
            .map_or(MIN_RTO, |most| most.min(MIN_RTO))
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
        for port in self.outages.released(now) {
            self.queue.retries.push_back(port);
        }
        self.queue.retries.extend(self.gate.released(now));
        loop {
            if let Some(port) = self.outages.pilot(now) {
                self.queue.hand_out(&port);
                return Ok(port.probe(now));
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
        if self.gate.is_on() && !self.hosts.tally(pending.host).answers() {
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

    /// The probe was answered. `state` is open, closed or unreachable.
    pub fn answered(&mut self, now: Time, probe: &Probe, state: State) {
        self.settled();
        if state != State::Unreachable {
            let sample = now.saturating_sub(probe.sent);
            let trip = self.hosts.sample(probe.host, now, sample);
            self.window.answered(now, trip);
        }
        if probe.look {
            self.settling.answered(now, probe, state);
        }
        if let Some(was) = probe.control {
            if !probe.look {
                self.losses.controls += 1;
                self.hosts.tally_mut(probe.host).control(was, true);
                self.congestion
                    .record(now, probe, ProbeOutcome::Answered, self.pass);
            }
            return;
        }
        self.queue.settled(probe.host, probe.port);
        if state == State::Unreachable && (probe.look || self.hosts.tally(probe.host).answers()) {
            // The network's word counts once the host is known to answer still: the same comes from
            // this machine when the host has gone.
            if !probe.look {
                self.queue.silent.push(Pending::after(probe).rejected());
            }
            return;
        }
        if !probe.look && state != State::Unreachable {
            self.count(now, probe, state);
        }
        self.findings
            .record(probe.host, probe.port, state, self.limits.details);
        let counts = self.findings.counts.get(&probe.host);
        if counts.is_some_and(|counts| counts.all() >= self.queue.ports_of_a_host()) {
            self.hosts.forget(probe.host);
        }
    }

    /// A port has answered in the quick passes.
    fn count(&mut self, now: Time, probe: &Probe, state: State) {
        match probe.tries_before {
            0 => self.losses.at_once += 1,
            tries => {
                self.losses.retried += u64::from(tries);
                if state == State::Closed {
                    self.losses.refused += u64::from(tries);
                }
                self.window.lost(now, from_millis(probe.previous));
            }
        }
        let sample = now.saturating_sub(probe.sent);
        let trip = self.hosts.trip(probe.host);
        let is_far = trip.is_some_and(|trip| hosts::is_far(sample, trip.least()));
        if self.gate.any_waits() {
            self.queue.retries.extend(self.gate.open(probe.host));
        }
        let tally = self.hosts.tally_mut(probe.host);
        tally.answered(probe, state, now, is_far);
        self.controls.offer(probe, state);
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
        // Where the user counts the tries, this one counts.
        if self.limits.tries.is_none() && self.outages.hit(probe.host, probe.sent) {
            return self.put_back(now, probe, Duration::ZERO);
        }
        if probe.look {
            self.settling.silent(probe);
        }
        if let Some(was) = probe.control {
            if !probe.look {
                self.losses.controls_lost += 1;
                self.hosts.tally_mut(probe.host).control(was, false);
                if self
                    .congestion
                    .record(now, probe, ProbeOutcome::Lost, self.pass)
                {
                    self.pacer.restart(now);
                }
            }
            return;
        }
        self.queue.settled(probe.host, probe.port);
        if probe.look {
            return;
        }
        let pending = Pending::after(probe);
        if pending.tries < self.tries_of(pending.host) {
            self.tries_needed += 1;
            self.queue.retries.push_back(pending);
        } else {
            self.queue.silent.push(pending);
        }
    }

    /// This machine could not send the probe. The port is as unknown as before.
    pub fn not_sent(&mut self, now: Time, probe: &Probe) {
        self.in_flight -= 1;
        self.window.local_error(now, self.in_flight);
        self.pacer.local_error(now);
        self.put_back(now, probe, Duration::ZERO);
    }

    /// This machine has no way to the probe's host: no route, no link, or its own firewall.
    pub fn no_way(&mut self, now: Time, probe: &Probe) {
        const PAUSE: Duration = Duration::from_millis(100);
        self.in_flight -= 1;
        if probe.look || probe.control.is_some() {
            self.outages.note(now, probe.host);
            return self.put_back(now, probe, PAUSE);
        }
        self.queue.settled(probe.host, probe.port);
        self.queue.retries.extend(self.gate.open(probe.host));
        let had_way = self.hosts.tally(probe.host).answers();
        if let Some(port) = self.outages.no_way(now, Pending::before(probe), had_way) {
            self.tries_made += 1;
            self.findings.record(
                port.host,
                port.port,
                State::Unreachable,
                self.limits.details,
            );
        }
    }

    /// The scan is being stopped while the probe is in flight.
    pub fn interrupted(&mut self, probe: &Probe) {
        self.in_flight -= 1;
        self.put_back(probe.sent, probe, Duration::ZERO);
    }

    fn put_back(&mut self, now: Time, probe: &Probe, pause: Duration) {
        if probe.look {
            self.queue.settled(probe.host, probe.port);
            self.tries_needed -= 1;
            return self.settling.put_back(now, probe, pause);
        }
        if probe.control.is_some() {
            self.congestion
                .record(probe.sent, probe, ProbeOutcome::Unknown, self.pass);
            self.tries_needed -= 1;
            return;
        }
        self.queue.settled(probe.host, probe.port);
        let port = Pending::before(probe);
        if self.outages.is_down(port.host) {
            self.outages.hold(port);
        } else {
            self.queue.retries.push_front(port);
        }
    }

    /// The block's passes are over. Starts another pass, the second look or the next block; `true`
    /// when nothing is left.
    fn end_block(&mut self, now: Time) -> bool {
        let mut silent = std::mem::take(&mut self.queue.silent);
        // Loss has shown after some had had their tries.
        let again: Vec<Pending> = silent
            .extract_if(.., |port| {
                port.state() == State::Filtered && port.tries < self.tries_of(port.host)
            })
            .collect();
        self.queue.retries.extend(again);
        self.tries_needed += self.queue.retries.len() as u64;
        if !self.queue.retries.is_empty() {
            self.queue.silent = silent;
            return false;
        }
        let few = silent.len() <= FEW_SILENT;
        silent.sort_unstable_by_key(|port| port.host);
        let quick = self.congestion.rate().unwrap_or(f64::INFINITY);
        for ports in silent.chunk_by(|port, next| port.host == next.host) {
            let Some(host) = ports.first().map(|port| port.host) else {
                continue;
            };
            let tally = self.hosts.tally(host);
            if self.limits.tries.is_none() && tally.answers() && (few || !self.is_sure(host, ports))
            {
                let least = self.hosts.trip(host).map(RoundTrip::least);
                self.settling
                    .add(Settle::new(now, ports.to_vec(), &tally, least, quick));
                continue;
            }
            let doubt = self.doubt_without_a_second_look(host, ports);
            self.record_silent(ports, doubt);
        }
        if self.settling.is_active() {
            return false;
        }
        self.pass = 0;
        self.congestion.next_block(self.hosts.is_empty());
        !self.queue.next_block()
    }

    /// Whether the quick passes alone tell enough about a host with very many silent ports.
    fn is_sure(&self, host: u32, silent: &[Pending]) -> bool {
        const FEW: u32 = 20;
        let tally = self.hosts.tally(host);
        let all = tally.all_tries().all;
        let tries = silent.iter().map(|port| port.tries).min().unwrap_or(0);
        tally.open.as_slice().len() > 1
            && all >= FEW
            && !tally.keeps_coming()
            && tally.miss_chance(tries.into()) <= ENOUGH
    }

    fn doubt_without_a_second_look(&self, host: u32, silent: &[Pending]) -> Option<Doubt> {
        let tally = self.hosts.tally(host);
        if !tally.answers() {
            return None;
        }
        let all = tally.all_tries();
        let tries = silent.iter().map(|port| port.tries).min().unwrap_or(0);
        let chance = tally.miss_chance(tries.into());
        if chance > 2.0 * ENOUGH && all.lost > 0 {
            let share = all.share();
            return Some(Doubt::Loss { share, chance });
        }
        self.limits.tries.map(|_| Doubt::Unconfirmed)
    }

    /// The second look at a host is over.
    fn settled_host(&mut self, verdict: &Verdict) {
        if let Some((rate, _)) = verdict.limit {
            let tally = self.hosts.tally(verdict.host);
            let controls = u64::from(tally.controls_lost);
            self.held_back.0 += u64::from(tally.all_tries().lost) - controls;
            self.held_back.1 += controls;
            self.limited_to = least(self.limited_to, Some(rate));
        }
        self.slowed_to = least(self.slowed_to, verdict.slowed_to);
        self.record_silent(&verdict.silent, verdict.doubt);
    }

    fn record_silent(&mut self, ports: &[Pending], doubt: Option<Doubt>) {
        let doubt = doubt.or_else(|| {
            let short = self.limits.timeout.filter(|most| *most < FIRST_WAITS[0]);
            short.map(Doubt::ShortWait)
        });
        for port in ports {
            self.findings
                .record(port.host, port.port, port.state(), self.limits.details);
            if let Some(doubt) = doubt {
                self.findings.counts.doubt(port.host, doubt);
            }
        }
    }

    /// Hosts to which there is no way, now that nothing else is left to do.
    fn give_up_unreachable(&mut self, now: Time) {
        for (port, had_way) in self.outages.given_up(now) {
            let doubt = if had_way {
                Doubt::WayLost
            } else {
                Doubt::NoWay
            };
            self.findings.record(
                port.host,
                port.port,
                State::Unreachable,
                self.limits.details,
            );
            self.findings.counts.doubt(port.host, doubt);
        }
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
