//! The second look at a host's silent ports: whether their silence means anything. One thing: the
//! rounds of one host, and what each of them shows.
//!
//! A port that did not answer may be filtered. Or the packet was lost, or the host answers only so
//! many SYNs a second, or it has gone, or its answer comes from farther away than the refusals of a
//! firewall on the way. So the silent ports are asked again in rounds, mixed with control probes to
//! ports of the host that have answered before. Silence counts when the control probes of the round
//! were answered:
//!
//! - none is lost: the silent ports have had a fair look;
//! - some are lost at any pace: the path loses packets, and more looks make up for it;
//! - fewer are lost at a lower pace: the host limits its answers, and the pace goes down;
//! - all are lost for seconds: the host is gone, and the rest is given up.
//!
//! How sure "filtered" is comes from Bayes: with a loss that is unknown but for the tries that are
//! counted, this is the chance that a port that does answer was silent each time.

use std::collections::VecDeque;
use std::time::Duration;

use super::hosts::{self, ByKind, Controls, Tally, Tries, kind, worst_chance};
use super::queue::Pending;
use super::round::Round;
use crate::findings::{Doubt, State};
use crate::probe::Probe;
use crate::window::Time;

/// The chance of a missed port that is small enough to call the rest filtered.
const SURE: f64 = 1e-4;

/// Looks at a port at most.
const MAX_LOOKS: u32 = 14;

/// A host that is silent for so long is gone.
const GONE_AFTER: Duration = Duration::from_secs(6);

/// A host to which this machine has had no way for so long is given up.
const NO_WAY_FOR: Duration = Duration::from_secs(20);

/// A second look takes no longer than this, as far as can be foreseen; or than so many probes to
/// each port, where the user's rate allows only a few a second.
const LONGEST: Duration = Duration::from_secs(120);
const MOST_PROBES: f64 = 4.0;

/// The wait for the last answers of a round, as far as it counts as time of the look.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The time between two control probes while patient probes wait, and how many there are.
const BEAT: Duration = Duration::from_millis(100);
const MOST_BEATS: u32 = 11;

/// A round that the network has disturbed is repeated so many times in a row.
const MAX_VOIDS: u32 = 4;

/// A round shows whether packets are lost at any pace when it lasts so long.
const LONG_ROUND: Duration = Duration::from_millis(1500);

/// Probes a second at the beginning.
const FIRST_RATE: f64 = 1000.0;
const MOST: f64 = 32_768.0;
const LEAST_RATE: f64 = 1.0;

/// At a low `--rate` time is counted in probes: a host is too slow, or has fallen silent, only
/// after so many.
const FEW_PROBES: f64 = 16.0;

/// What there is to do for a host.
#[derive(Debug)]
pub(super) enum Step {
    Ask(Probe),
    /// Nothing before this time.
    At(Time),
    /// Nothing before a probe has ended.
    Await,
    /// The ports that were silent to the end, and why that is in doubt.
    Over(Verdict),
}

/// What the second look has come to.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) host: u32,
    pub(super) silent: Vec<Pending>,
    pub(super) doubt: Option<Doubt>,
    /// The answers a second to which the host limits itself, and whether those are refusals.
    pub(super) limit: Option<(f64, bool)>,
    /// The probes a second at which the answers came that were lost before.
    pub(super) slowed_to: Option<f64>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Settle {
    host: u32,
    /// Ports that wait for this look, that were silent in this round, and that have had this look.
    waiting: VecDeque<Pending>,
    silent: Vec<Pending>,
    looked: VecDeque<Pending>,
    looks: u32,
    open: Controls,
    closed: Controls,
    /// The least round trip, and whether other answers came from farther away: then the controls
    /// are ports of those.
    least: Option<Duration>,
    far: bool,
    /// Ports that have answered.
    live: u32,
    knows_open: bool,
    /// Something was wrong with the network in this round, and so many rounds in a row.
    void: bool,
    voids: u32,
    round: Round,
    size: usize,
    /// Probes a second, and the least that was too much.
    rate: f64,
    too_much: f64,
    /// Probes a second that the user allows.
    most: f64,
    next: Time,
    patient: bool,
    was_patient: bool,
    /// The tries of the quick passes, as long as they are worth anything, and how many each port
    /// has had.
    before: Option<ByKind>,
    tries_before: u32,
    /// The control probes of rounds that count, and of those that do not.
    fair: ByKind,
    held_back: ByKind,
    /// The last round that did not count: its rate, and its control probes.
    unfair: Option<(f64, Tries)>,
    /// The loss depends on the rate, so a round counts only when nothing is lost.
    strict: bool,
    /// The control probes since then.
    since_unfair: Tries,
    /// The share of packets that are lost at any pace.
    loss: Option<f64>,
    limit: Option<(f64, bool)>,
    /// The SYNs a second that came through in rounds that were too quick, and the refusals.
    through: f64,
    refusals: f64,
    /// Whether many probes of the quick passes were lost, and the quickest round in which few were.
    overrun: bool,
    fair_rate: f64,
    /// Some ports of this look had no control probes beside them.
    unseen: bool,
    /// How long the look has taken at its own pace: other hosts may have been looked at meanwhile.
    spent: Duration,
    longest: Duration,
    heard: Time,
    heard_open: Time,
    /// This machine has had no way to the host for long.
    no_way: bool,
    /// The last step was to wait for a probe.
    awaiting: bool,
    random: u64,
}

impl Settle {
    /// `quick` is how many probes a second the path seemed to carry, and `most` how many the user
    /// allows.
    /// `least` is the host's least round trip.
    pub(super) fn new(
        now: Time,
        ports: Vec<Pending>,
        tally: &Tally,
        least: Option<Duration>,
        quick: f64,
        most: f64,
    ) -> Self {
        let far = tally.far.iter().any(|ports| !ports.as_slice().is_empty());
        let [open, closed] = match far {
            true => tally.far,
            false => [tally.open, tally.closed],
        };
        let host = ports.first().map_or(0, |port| port.host);
        // Of few tries two may be lost by chance.
        let clean = |tries: &Tries| 10 * tries.lost <= tries.all + 20;
        let clean = tally.tries.iter().all(clean);
        let count = ports.len();
        let tried = ports.iter().map(|port| port.tries).min().unwrap_or(0);
        let most = MOST.min(most);
        let quick = most.min(quick);
        let mut settle = Settle {
            host,
            size: if clean { count } else { 256 },
            rate: match clean {
                true => (4.0 * real(count)).clamp(FIRST_RATE, MOST).min(quick),
                false => FIRST_RATE.min(quick),
            },
            most,
            waiting: ports.into(),
            silent: Vec::new(),
            looked: VecDeque::new(),
            looks: 0,
            open: Controls::new(open.as_slice(), State::Open),
            closed: Controls::new(closed.as_slice(), State::Closed),
            least,
            far,
            live: tally.live(),
            knows_open: !tally.open.as_slice().is_empty(),
            void: false,
            voids: 0,
            round: Round::default(),
            too_much: f64::INFINITY,
            next: now,
            patient: clean,
            was_patient: false,
            before: (clean && !far).then_some(tally.tries),
            tries_before: u32::from(tried),
            fair: ByKind::default(),
            held_back: ByKind::default(),
            // The quick passes were at least so quick.
            unfair: (!clean).then(|| (FIRST_RATE.min(quick), tally.all_tries())),
            strict: false,
            since_unfair: Tries::default(),
            loss: None,
            limit: None,
            through: f64::INFINITY,
            refusals: f64::INFINITY,
            overrun: tally.all_tries().share() > 0.25,
            fair_rate: 0.0,
            unseen: false,
            spent: Duration::ZERO,
            longest: LONGEST.max(Duration::from_secs_f64(MOST_PROBES * real(count) / most)),
            heard: now,
            heard_open: now,
            no_way: false,
            awaiting: false,
            random: u64::from(host) * 2 + 0x9e37_79b9_7f4a_7c15,
        };
        settle.begin_round(now);
        settle
    }

    pub(super) fn host(&self) -> u32 {
        self.host
    }

    /// Whether the next step has just become possible: the round was waiting for its last probe, or
    /// one of its probes was put back.
    pub(super) fn waits(&mut self) -> bool {
        std::mem::take(&mut self.awaiting)
    }

    /// Ports whose silence is still being looked at.
    pub(super) fn pending(&self) -> impl Iterator<Item = &Pending> {
        let ports = self.waiting.iter().chain(&self.silent);
        ports.chain(&self.looked)
    }

    pub(super) fn next(&mut self, now: Time) -> Step {
        if self.no_way && self.round.out == 0 {
            return self.over(Some(Doubt::WayLost));
        }
        while self.round.ports + self.round.controls == 0 {
            if self.round.out > 0 {
                if self.patient
                    && self.round.beats < MOST_BEATS
                    && let Some(step) = self.beat(now)
                {
                    return step;
                }
                self.awaiting = true;
                return Step::Await;
            }
            if let Some(doubt) = self.judge(now) {
                return self.over(doubt);
            }
            self.begin_round(now);
        }
        if now < self.next {
            return Step::At(self.next);
        }
        const BURST: Duration = Duration::from_millis(4);
        let floor = now.saturating_sub(BURST);
        self.next = self.next.max(floor) + Duration::from_secs_f64(1.0 / self.rate);
        self.round.out += 1;
        self.round.sent += 1;
        self.round.first.get_or_insert(now);
        self.round.last = now;
        let all = (self.round.ports + self.round.controls) as u64;
        let control = self.random() % all < self.round.controls as u64;
        if control && let Some((port, state)) = self.control() {
            self.round.controls -= 1;
            return Step::Ask(Probe {
                look: true,
                ..Probe::control_of(self.host, port, state, now)
            });
        }
        if let Some(port) = self.waiting.pop_front().filter(|_| self.round.ports > 0) {
            self.round.ports -= 1;
            return Step::Ask(Probe {
                look: true,
                patient: self.patient,
                ..port.probe(now)
            });
        }
        // What was counted is no longer there.
        self.round.out -= 1;
        (self.round.ports, self.round.controls) = (0, 0);
        Step::At(now)
    }

    /// While patient probes wait, control probes show whether the network is there all the time.
    fn beat(&mut self, now: Time) -> Option<Step> {
        if now < self.round.next_beat {
            return Some(Step::At(self.round.next_beat));
        }
        let (port, state) = self.closed.take().or_else(|| self.open.take())?;
        self.round.beats += 1;
        self.round.next_beat = now + BEAT;
        self.round.out += 1;
        Some(Step::Ask(Probe {
            look: true,
            beat: true,
            ..Probe::control_of(self.host, port, state, now)
        }))
    }

    fn over(&mut self, doubt: Option<Doubt>) -> Step {
        let silent = self.waiting.drain(..).chain(self.looked.drain(..));
        let silent: Vec<Pending> = silent.collect();
        Step::Over(Verdict {
            host: self.host,
            doubt: match silent.is_empty() {
                true => doubt,
                false => doubt.or(self.doubt_that_stays()),
            },
            silent,
            limit: self.limit,
            slowed_to: Some(self.fair_rate).filter(|rate| {
                let refusals = self.limit.is_some_and(|(_, refusals)| refusals);
                *rate > 0.0 && self.overrun && self.loss.is_none() && !refusals
            }),
        })
    }

    /// What no round can settle. A burst that a limit on SYNs lets through may hide from the
    /// control probes that others were dropped, and refusals may come from a firewall on the way.
    fn doubt_that_stays(&self) -> Option<Doubt> {
        match self.limit {
            Some((_, false)) => Some(self.limited()),
            _ => (!self.knows_open).then_some(Doubt::OnlyRefusals),
        }
    }

    /// xorshift64*.
    fn random(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    /// Open and closed ports in turn, as far as there are both.
    fn control(&mut self) -> Option<(u16, State)> {
        if self.round.open > 0
            && (self.round.controls.is_multiple_of(2) || self.closed.left() == 0)
            && let Some(port) = self.open.take()
        {
            self.round.open -= 1;
            return Some(port);
        }
        self.closed.take()
    }

    /// All ports get another look, in another order: a limit that runs dry at the end of a round
    /// shall not meet the same ports again.
    fn next_look(&mut self) {
        self.waiting = std::mem::take(&mut self.looked);
        for index in (1..self.waiting.len()).rev() {
            let other = self.random() % (index as u64 + 1);
            // Below the length, which was a usize.
            let other = usize::try_from(other).unwrap_or(index);
            self.waiting.swap(index, other);
        }
    }

    fn begin_round(&mut self, now: Time) {
        let ports = self.waiting.len().min(self.size);
        // Some of the open ones are left for the next rounds: they tell a limit on refusals from
        // one on SYNs.
        let open = self.open.left();
        let open = match self.closed.left() {
            0 => open.min((open / 3).max(8)),
            _ => open.min((open / 8).max(2)),
        };
        let left = self.closed.left() + open;
        self.round = Round {
            began: now,
            ports,
            controls: match self.strict {
                true => (ports / 4).clamp(16, 64).min(left),
                false => (ports / 8).clamp(8, 64).min(left),
            },
            open,
            ..Round::default()
        };
    }

    /// A port has answered, or a control probe.
    pub(super) fn answered(&mut self, now: Time, probe: &Probe, state: State) {
        self.round.out -= 1;
        if state == State::Unreachable {
            return self.in_vain(probe, true);
        }
        self.heard = now;
        if state == State::Open {
            self.heard_open = now;
        }
        self.round.refused += u32::from(state == State::Closed);
        if let Some(was) = probe.control {
            self.round.tries[kind(was)].add(true);
            return;
        }
        self.live += 1;
        self.knows_open |= state == State::Open;
        let sample = now.saturating_sub(probe.sent);
        let far = self.least.is_some_and(|least| hosts::is_far(sample, least));
        if far && !self.far {
            // The controls were answered from somewhere nearer: nothing that was seen counts.
            self.far = true;
            self.open = Controls::new(&[], State::Open);
            self.closed = Controls::new(&[], State::Closed);
            self.before = None;
            self.void = true;
            self.waiting.extend(self.looked.drain(..));
        }
        if far || !self.far {
            match state {
                State::Open => self.open.add(probe.port),
                _ => self.closed.add(probe.port),
            }
        }
    }

    /// No answer has come.
    pub(super) fn silent(&mut self, probe: &Probe) {
        self.round.out -= 1;
        self.in_vain(probe, false);
    }

    fn in_vain(&mut self, probe: &Probe, rejected: bool) {
        match probe.control {
            Some(was) => {
                // One may be lost by chance; an outage takes several.
                self.round.lost_beats += u32::from(probe.beat);
                self.void |= self.round.lost_beats > 1 && self.loss.is_none();
                self.round.tries[kind(was)].add(false);
            }
            None if rejected => self.silent.push(Pending::after(probe).rejected()),
            None => self.silent.push(Pending::after(probe)),
        }
    }

    /// The probe was not sent, or the machine had no way while it was in flight.
    pub(super) fn put_back(&mut self, now: Time, probe: &Probe, pause: Duration) {
        self.round.out -= 1;
        self.next = self.next.max(now + pause);
        // Without a pause the probe was a victim of an outage; with one this machine has no way.
        self.void = true;
        self.no_way |= now.saturating_sub(self.heard) > NO_WAY_FOR;
        if probe.beat {
            self.round.beats -= 1;
        } else if probe.control.is_some() {
            self.round.controls += 1;
        } else {
            self.waiting.push_front(Pending::before(probe));
            self.round.ports += 1;
        }
    }

    /// The chance that a port that answers was silent each time.
    fn chance(&self) -> f64 {
        let (before, tries) = match self.before {
            Some(before) => (before, self.tries_before),
            None => (ByKind::default(), 0),
        };
        worst_chance(&sum(before, self.fair), tries + self.looks)
    }

    /// A round is over. When the second look is over too, says whether its result is in doubt.
    fn judge(&mut self, now: Time) -> Option<Option<Doubt>> {
        let waited = now.saturating_sub(self.round.last).min(LONGEST_WAIT);
        self.spent += Duration::from_secs_f64(f64::from(self.round.sent) / self.rate) + waited;
        let tries = self.round.tries;
        let most = self.loss.map_or(0.125, |loss| loss * 1.5 + 0.1);
        let unfair = tries.iter().any(|tries| tries.share() > most);
        if !unfair && !self.void {
            self.compare(tries);
        }
        let strict = self.strict || self.unfair.is_some();
        let over = if unfair {
            self.waiting.extend(self.silent.drain(..));
            self.unfair_round(now, tries)
        } else if self.void && self.voids < MAX_VOIDS {
            self.voids += 1;
            self.waiting.extend(self.silent.drain(..));
            if self.waiting.is_empty() && self.looked.is_empty() {
                return Some(None);
            }
            None
        } else if tries.iter().all(|tries| tries.all == 0) {
            self.unseen_round()
        } else if strict && tries.iter().any(|tries| tries.lost > 0) {
            // Below its limit a host answers all.
            self.too_quick(tries)
        } else {
            self.voids = 0;
            self.fair_round(tries)
        };
        self.void = false;
        over.or_else(|| self.takes_too_long().then(|| Some(self.no_time_left())))
    }

    /// No port is left to compare with. The others are asked still, since one that answers is such
    /// a port again.
    fn unseen_round(&mut self) -> Option<Option<Doubt>> {
        self.unseen = true;
        self.looked.extend(self.silent.drain(..));
        self.grow();
        if !self.waiting.is_empty() {
            return None;
        }
        if self.open.left() + self.closed.left() > 0 {
            return self.look_again();
        }
        let chance = self.chance();
        let sure = chance <= SURE && self.was_patient && self.looks > 0;
        Some((!sure).then(|| self.loss(chance)))
    }

    /// After a round that was too quick: whether the loss depends on the rate.
    fn compare(&mut self, tries: ByKind) {
        /// Fewer are lost than chance allows, if the loss did not depend on the rate.
        const CHANCE: f64 = 1e-4;
        /// So many are lost at a lower rate that it does not.
        const MANY: u32 = 64;
        let Some((rate, before)) = self.unfair else {
            return;
        };
        self.since_unfair = self.since_unfair.with(tries[0].with(tries[1]));
        let Tries { all, lost } = self.since_unfair;
        if (1.0 - before.share()).powf(f64::from(all - lost)) < CHANCE {
            self.strict = true;
            self.unfair = None;
            self.know_limit();
        } else if all >= MANY
            && self.since_unfair.share() >= before.share() / 2.0
            && 4.0 * self.rate <= rate
        {
            self.know_loss(rate, before.with(self.since_unfair));
        }
    }

    /// The loss depends on the rate.
    fn know_limit(&mut self) {
        if self.through.is_infinite() {
            // The quick passes were too quick; whether for the host or for the path is not known.
            return;
        }
        let [open, _] = self.held_back;
        let refusals = open.all > 0 && open.share() <= 0.2;
        let rate = match refusals && self.refusals.is_finite() {
            true => self.refusals,
            false => self.through,
        };
        self.limit = Some((rate, refusals));
        if refusals {
            // It was so slow only to find that out.
            self.rate = self.rate.max(0.8 * self.through);
        }
    }

    /// The loss does not depend on the rate: back to the higher one.
    fn know_loss(&mut self, rate: f64, tries: Tries) {
        self.loss = Some(tries.share());
        self.fair = [tries; 2];
        self.rate = rate;
        self.too_much = f64::INFINITY;
        self.size = self.waiting.len();
        self.unfair = None;
    }

    /// The ports of this look had nothing beside them to compare with.
    fn look_again(&mut self) -> Option<Option<Doubt>> {
        self.unseen = false;
        self.next_look();
        self.waiting.is_empty().then_some(None)
    }

    /// The next round asks more ports at once.
    fn grow(&mut self) {
        self.size = (self.size * 2).min(4096.max(self.size));
    }

    fn loss(&self, chance: f64) -> Doubt {
        Doubt::Loss {
            share: self.fair[0].with(self.fair[1]).share(),
            chance,
        }
    }

    fn fair_round(&mut self, tries: ByKind) -> Option<Option<Doubt>> {
        let lost = tries[0].lost + tries[1].lost;
        self.fair = sum(self.fair, tries);
        self.looked.extend(self.silent.drain(..));
        self.fair_rate = self.fair_rate.max(self.rate);
        if lost > 0 && self.loss.is_none() {
            self.rate *= 0.8;
        } else if self.loss.is_none()
            && (!self.strict || tries[0].all + tries[1].all >= 32)
            && self.limit.is_none_or(|(_, refusals)| refusals)
            && self.too_much > 1.4 * self.rate
        {
            // A burst that a limit on SYNs lets through would look like a higher limit.
            let half = f64::midpoint(self.rate, self.too_much.min(4.0 * self.rate));
            self.rate = (self.rate * 1.5).min(half).min(self.most);
        }
        self.grow();
        if !self.waiting.is_empty() {
            return None;
        }
        if self.unseen {
            return self.look_again();
        }
        // All have had this look.
        self.looks += 1;
        self.was_patient |= self.patient;
        if self.looked.is_empty() {
            return Some(None);
        }
        let chance = self.chance();
        // Of the ports that answer, hardly one may be missing.
        let sure = (SURE / f64::from(self.live.max(10))).min(SURE / 10.0);
        if chance <= sure && self.was_patient {
            return Some(None);
        }
        if self.looks >= MAX_LOOKS {
            return Some(Some(self.loss(chance)));
        }
        self.next_look();
        self.patient = !self.was_patient;
        if self.patient {
            // All wait at the same time.
            self.size = self.waiting.len();
        }
        if self.limit.is_some_and(|(_, refusals)| refusals) {
            // Hardly one of those that are left is refused.
            self.too_much = f64::INFINITY;
        }
        None
    }

    /// The round was a little too quick, and its ports are asked again.
    fn too_quick(&mut self, tries: ByKind) -> Option<Option<Doubt>> {
        self.waiting.extend(self.silent.drain(..));
        self.measure(tries);
        if self.strict && self.limit.is_none() {
            self.know_limit();
        }
        self.too_much = self.too_much.min(self.rate);
        self.rate *= if self.limit.is_some_and(|(_, refusals)| refusals) {
            0.8
        } else {
            // A round that is repeated until nothing is lost by chance would say too much: it
            // counts against the others, and is not repeated often.
            self.fair = sum(self.fair, tries);
            0.5
        };
        self.is_too_slow().then(|| Some(self.limited()))
    }

    fn is_too_slow(&self) -> bool {
        self.rate < LEAST_RATE.min(self.most / FEW_PROBES)
    }

    /// What came through in a round that was too quick.
    fn measure(&mut self, tries: ByKind) {
        self.held_back = sum(self.held_back, tries);
        let share = tries[0].share().max(tries[1].share());
        self.through = self.through.min(self.rate * (1.0 - share));
        let refusals = self.round.refusals().unwrap_or(f64::INFINITY);
        self.refusals = self.refusals.min(refusals);
    }

    fn unfair_round(&mut self, now: Time, by_kind: ByKind) -> Option<Option<Doubt>> {
        self.before = None;
        self.since_unfair = Tries::default();
        let [open, closed] = by_kind;
        // The kind that is lost more.
        let tries = if open.share() > closed.share() {
            open
        } else {
            closed
        };
        if tries.lost == tries.all {
            // Refusals alone may come from a firewall on the way.
            let silent_open = open.all == open.lost && open.all > 0 && closed.lost == 0;
            if now.saturating_sub(if silent_open {
                self.heard_open
            } else {
                self.heard
            }) > GONE_AFTER.max(Duration::from_secs_f64(FEW_PROBES / self.most))
            {
                return Some(Some(Doubt::FellSilent));
            }
            self.too_much = self.too_much.min(self.rate);
            self.rate = (self.rate / 4.0).clamp(4.0, 32.0).min(self.most);
            self.size = 4;
            self.patient = false;
            return None;
        }
        let share = tries.share();
        if let Some((rate, before)) = self.unfair {
            // A burst that a limit lets through makes short rounds alike at any rate.
            let long = now.saturating_sub(self.round.began) >= LONG_ROUND;
            if self.through.is_finite()
                && long
                && share.max(before.share()) <= 0.7
                && share >= before.share() / 2.0
            {
                self.know_loss(rate, tries.with(before));
                return None;
            }
        }
        self.unfair = Some((self.rate, tries));
        self.too_much = self.too_much.min(self.rate);
        self.measure(by_kind);
        let through = self.rate * (1.0 - share);
        self.rate = (0.8 * through).clamp(self.rate / 16.0, self.rate / 4.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate between 1 and 16,384"
        )]
        let two_seconds = (2.0 * self.rate) as usize;
        self.size = two_seconds.clamp(16, 256);
        self.patient = false;
        self.is_too_slow().then(|| Some(self.limited()))
    }

    fn takes_too_long(&self) -> bool {
        let measured = self.limit.is_some() || self.loss.is_some();
        let left = real(self.waiting.len()) / self.rate;
        self.spent > self.longest || measured && left > self.longest.as_secs_f64()
    }

    /// Why the rest was not looked at: a limit only where one has shown.
    fn no_time_left(&self) -> Doubt {
        match self.limit.is_some() || self.strict || self.unfair.is_some() {
            true => self.limited(),
            false => self.loss(self.chance()),
        }
    }

    fn limited(&self) -> Doubt {
        let refusals = self.limit.is_some_and(|(_, refusals)| refusals);
        Doubt::Limited {
            rate: self.rate,
            refusals,
        }
    }
}

fn sum(one: ByKind, other: ByKind) -> ByKind {
    [one[0].with(other[0]), one[1].with(other[1])]
}

#[expect(clippy::cast_precision_loss, reason = "a number of ports")]
fn real(count: usize) -> f64 {
    count as f64
}
