//! What came of a probe: an answer, silence, or nothing since this machine could not send it.

use std::time::Duration;

use super::queue::Pending;
use super::{Scheduler, from_millis, hosts};
use crate::congestion::ProbeOutcome;
use crate::findings::{Doubt, State};
use crate::probe::Probe;
use crate::window::Time;

impl Scheduler {
    /// The probe got out of this machine. Only [pilots](Probe::is_pilot) have to be reported,
    /// before what came of them.
    pub fn sent(&mut self, now: Time, probe: &Probe) {
        if probe.pilot {
            let released = self.outages.way_is_there(now, probe.host);
            self.queue.retries.extend(released);
        }
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
        if state == State::Unreachable {
            // The network's word counts at the end, and once a host that answers is known to answer
            // still: a router says the same while its own link is down.
            if !probe.look {
                self.queue.silent.push(Pending::after(probe).rejected());
            }
            return;
        }
        if !probe.look {
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
        tally.answered(probe, state, is_far);
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
        let gone = self.hosts.seems_gone(now, pending.host);
        if self.tries_again(&pending) && !gone {
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
            // Where the host has answered, it is this port alone that is out of reach. Of another
            // host nothing says so.
            self.record_unreachable(port, (!had_way).then_some(Doubt::NoWay));
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
            if probe.pilot {
                self.outages.pilot_unsent(now, probe.host, None);
            }
            self.congestion
                .record(probe.sent, probe, ProbeOutcome::Unknown, self.pass);
            self.tries_needed -= 1;
            return;
        }
        self.queue.settled(probe.host, probe.port);
        let port = Pending::before(probe);
        if probe.pilot && self.outages.pilot_unsent(now, port.host, Some(port)) {
            return;
        }
        if self.outages.is_down(port.host) {
            self.outages.hold(port);
        } else {
            self.queue.retries.push_front(port);
        }
    }
}
