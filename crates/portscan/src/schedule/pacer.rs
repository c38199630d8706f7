//! When the next probe may go: slots of a rate, pauses after local errors, and when to give up.

use std::time::Duration;

use crate::window::Time;

/// How long local errors may go on, without one probe that gets out, before the scan is given up.
pub const STUCK_AFTER: Duration = Duration::from_secs(10);

/// The pause after a probe that this machine could not send.
const PAUSE: Duration = Duration::from_millis(10);

/// The distance of two slots, in parts of what the rate asks for: the burst of 10 ms and the first
/// slot of a second come on top.
const APART: f64 = 1.02;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    next_slot: Time,
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

    /// How long to wait for the next slot of a rate, unless it is there.
    pub(super) fn until_slot(&self, now: Time) -> Option<Duration> {
        self.next_slot
            .checked_sub(now)
            .filter(|rest| !rest.is_zero())
    }

    /// Takes the next slots of a rate, one for each SYN. A little may be made up for, so that a
    /// coarse timer does not cost rate: at most as much as `burst` holds. With it the rate of no
    /// second is exceeded, since all the slots are a little farther apart than they need to be.
    pub(super) fn take_slots(&mut self, now: Time, rate: f64, burst: Duration, slots: u8) {
        let floor = now.saturating_sub(burst);
        let apart = Duration::from_secs_f64(APART / rate);
        self.next_slot = self.next_slot.max(floor) + apart * u32::from(slots);
    }

    /// The rate has changed: its first slot is now.
    pub(super) fn restart(&mut self, now: Time) {
        self.next_slot = now;
    }
}
