//! When the next probe may go: slots of a rate, pauses after local errors, and when to give up.

use std::collections::VecDeque;
use std::time::Duration;

use crate::window::Time;

/// How long local errors may go on, without one probe that gets out, before the scan is given up.
pub const STUCK_AFTER: Duration = Duration::from_secs(10);

/// The pause after a probe that this machine could not send.
const PAUSE: Duration = Duration::from_millis(10);

/// The distance of two slots, in parts of what the rate asks for. The rest allows for what makes
/// probes of a second come closer: a burst, and a worker that was kept from running.
const APART: f64 = 1.04;

/// The system repeats the SYN of a connect after each second.
const REPEATED_AFTER: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    next_slot: Time,
    /// When the system will repeat SYNs that were sent.
    repeats: VecDeque<Time>,
    pause_until: Time,
    stuck_since: Option<Time>,
}

impl Pacer {
    /// Something did get out.
    pub(super) fn settled(&mut self) {
        self.stuck_since = None;
    }

    /// This machine could not send.
    pub(super) fn local_error(&mut self, now: Time) {
        self.pause_until = now + PAUSE;
        self.stuck_since.get_or_insert(now);
    }

    /// Whether this machine has not been able to send anything for [`STUCK_AFTER`].
    pub(super) fn is_stuck(&self, now: Time) -> bool {
        self.stuck_since
            .is_some_and(|since| now.saturating_sub(since) > STUCK_AFTER)
    }

    /// The rest of a pause.
    pub(super) fn pause(&self, now: Time) -> Option<Duration> {
        self.pause_until
            .checked_sub(now)
            .filter(|rest| !rest.is_zero())
    }

    /// How long to wait for the next slot of a rate, unless it is there. SYNs that the system has
    /// repeated meanwhile have taken theirs.
    pub(super) fn until_slot(&mut self, now: Time, rate: f64) -> Option<Duration> {
        while let Some(repeated) = self.repeats.pop_front_if(|repeated| *repeated <= now) {
            self.next_slot = self.next_slot.max(repeated) + apart(rate);
        }
        self.next_slot
            .checked_sub(now)
            .filter(|rest| !rest.is_zero())
    }

    /// Takes the next slot of a rate, and those at which the system will repeat the SYN. A little
    /// may be made up for, so that a coarse timer does not cost rate: at most as much as `burst`
    /// holds.
    pub(super) fn take_slot(&mut self, now: Time, rate: f64, burst: Duration, syns: u8) {
        let floor = now.saturating_sub(burst);
        self.next_slot = self.next_slot.max(floor) + apart(rate);
        for number in 1..syns {
            let repeated = now + REPEATED_AFTER * u32::from(number);
            let after = self.repeats.partition_point(|other| *other <= repeated);
            self.repeats.insert(after, repeated);
        }
    }

    /// The rate has changed: its first slot is now.
    pub(super) fn restart(&mut self, now: Time) {
        self.next_slot = now;
    }
}

/// The time between two slots of a rate, in probes a second.
pub fn apart(rate: f64) -> Duration {
    Duration::from_secs_f64(APART / rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syns_that_the_system_repeats_have_their_slots_too() {
        let (mut pacer, mut now) = (Pacer::default(), Time::ZERO);
        let mut sent = Vec::new();
        while now < Duration::from_secs(4) {
            match pacer.until_slot(now, 100.0) {
                Some(rest) => now += rest,
                None => {
                    // In the first second each probe sends two SYNs.
                    let syns = if now < REPEATED_AFTER { 2 } else { 1 };
                    pacer.take_slot(now, 100.0, Duration::ZERO, syns);
                    sent.extend((0..syns).map(|syn| now + REPEATED_AFTER * u32::from(syn)));
                }
            }
        }
        sent.sort_unstable();
        for (first, time) in sent.iter().enumerate() {
            let end = sent.partition_point(|other| *other < *time + Duration::from_secs(1));
            assert!(end - first <= 100, "{} SYNs from {time:?} on", end - first);
        }
        assert!(sent.len() > 300, "{} SYNs", sent.len());
    }
}
