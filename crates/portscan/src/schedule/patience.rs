//! How often a port is tried, and how long each try waits.

use std::time::Duration;

use super::hosts::Tries;
use super::queue::Pending;
use super::{ENOUGH, FIRST_WAITS, Scheduler};
use crate::probe::Probe;
use crate::window::MIN_RTO;

/// How long a patient probe waits: RFC 6298 has 1 s before anything is known (section 2.1).
const PATIENT_WAIT: Duration = Duration::from_millis(1200);

impl Scheduler {
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

    /// Whether a silent port has a try left in the quick passes.
    pub(super) fn tries_again(&self, port: &Pending) -> bool {
        port.tries < self.tries_of(port.host)
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
    pub(super) fn syns(&self, probe: &Probe) -> u8 {
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
}
