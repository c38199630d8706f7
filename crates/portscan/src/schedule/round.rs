//! One round of the second look at a host.

use std::time::Duration;

use super::hosts::ByKind;
use crate::window::Time;

/// What a round still has to send, and what came of its control probes.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Control probes that go while patient probes wait.
    pub(super) began: Time,
    pub(super) beats: u32,
    pub(super) next_beat: Time,
    pub(super) ports: usize,
    pub(super) controls: usize,
    /// How many of these may go to open ports.
    pub(super) open: usize,
    pub(super) sent: u32,
    pub(super) out: usize,
    /// Its control probes.
    pub(super) tries: ByKind,
    /// Beats without an answer, and refusals of any port.
    pub(super) lost_beats: u32,
    pub(super) refused: u32,
    /// When its first and its last port was asked.
    pub(super) first: Option<Time>,
    pub(super) last: Time,
}

impl Round {
    /// The refusals a second that it got, if it was long enough to tell.
    pub(super) fn refusals(&self) -> Option<f64> {
        const LONG_ENOUGH: Duration = Duration::from_millis(100);
        let time = self.last - self.first?;
        (time >= LONG_ENOUGH).then(|| f64::from(self.refused) / time.as_secs_f64())
    }
}
