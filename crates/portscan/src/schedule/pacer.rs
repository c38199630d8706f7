//! When the next probe may go: slots of a rate, pauses after local errors, and when to give up.

use std::time::Duration;

use crate::window::Time;

/// How long local errors may go on, without one probe that gets out, before the scan is given up.
pub const STUCK_AFTER: Duration = Duration::from_secs(10);

/// The pause after a probe that this machine could not send.
const PAUSE: Duration = Duration::from_millis(10);

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

    /// Takes the next slot of a rate, or says how long to wait for it. A little may be made up for,
    /// so that a coarse timer does not cost rate: at most as much as `burst` holds.
    pub(super) fn take_slot(
        &mut self,
        now: Time,
        rate: f64,
        burst: Duration,
    ) -> Result<(), Duration> {
        if now < self.next_slot {
            return Err(self.next_slot - now);
        }
        let floor = now.saturating_sub(burst);
        self.next_slot = self.next_slot.max(floor) + Duration::from_secs_f64(1.0 / rate);
        Ok(())
    }

    /// The rate has changed: its first slot is now.
    pub(super) fn restart(&mut self, now: Time) {
        self.next_slot = now;
    }
}
