//! Hosts that limit their refusals (so many RST a second), and the slow passes that find out closed
//! from filtered.
//!
//! Such a host loses no packets, but looks as if. When refusals keep coming with the retries, the
//! silent ports are asked again at the rate at which the host refuses.

use crate::window::Time;

/// A host that limits its refusals is asked again so many times at most.
const MAX_SLOW_PASSES: u8 = 3;
/// Fewer refusals than this are no sign of a limit.
const FEW: u32 = 32;
/// Slow passes are worth their time up to so many silent ports for each refusal, after the first so
/// many.
const MAX_SILENT_PER_REFUSAL: u32 = 100;
const FIRST_SILENT: u32 = 1000;

/// Refusals that came late, counted to find a limit, and the slow passes that follow.
#[derive(Debug, Default)]
pub(super) struct RefusalLimit {
    /// Refusals that came to a retry since `pass_began`.
    late: u32,
    /// Refusals in this block by the number of tries before.
    by_tries: Vec<u32>,
    pass_began: Option<Time>,
    slow_passes: u8,
    /// Probes a second of the slow pass, and how many of its probes were silent.
    rate: f64,
    silent: u32,
    /// The refusals a second at which the target seems to stop answering.
    limited_to: Option<f64>,
}

impl RefusalLimit {
    /// The refusals a second to which the targets seem to limit themselves.
    pub(super) fn limited_to(&self) -> Option<f64> {
        self.limited_to
    }

    /// Whether this is a slow pass.
    pub(super) fn is_slow(&self) -> bool {
        self.slow_passes > 0
    }

    /// The probes a second of a slow pass.
    pub(super) fn rate(&self) -> Option<f64> {
        self.is_slow().then_some(self.rate)
    }

    /// A pass of retries continues, and has begun now if it had not.
    pub(super) fn retry(&mut self, now: Time) {
        self.pass_began.get_or_insert(now);
    }

    /// A retry was refused.
    pub(super) fn refused(&mut self, tries_before: u8) {
        let tries = usize::from(tries_before);
        if self.by_tries.len() <= tries {
            self.by_tries.resize(tries + 1, 0);
        }
        self.by_tries[tries] += 1;
        self.late += 1;
    }

    /// A port stayed silent. `true` when so few refusals come that the slow pass is not worth its
    /// time: a further one only, since the first always runs to its end.
    pub(super) fn silent(&mut self) -> bool {
        if self.slow_passes <= 1 {
            return false;
        }
        self.silent += 1;
        self.silent > FIRST_SILENT + MAX_SILENT_PER_REFUSAL * self.late
    }

    /// Silent ports are tried again.
    pub(super) fn next_pass(&mut self) {
        self.pass_began = None;
        self.late = 0;
    }

    /// Other ports come.
    pub(super) fn next_block(&mut self) {
        self.next_pass();
        self.slow_passes = 0;
        self.by_tries.clear();
    }

    /// Decides at the end of a pass whether the `silent` ports are asked once more, slowly, since
    /// many of them are closed rather than filtered. `tries` is what each of them has had.
    pub(super) fn begin_slow_pass(&mut self, now: Time, silent: usize, tries: u8) -> bool {
        let Some(began) = self.pass_began else {
            return false;
        };
        let refused = self.late as usize;
        let trickle = self.late >= FEW
            && silent >= FEW as usize
            && silent < MAX_SILENT_PER_REFUSAL as usize * refused;
        if !trickle || self.slow_passes >= MAX_SLOW_PASSES {
            return false;
        }
        let seconds = now.saturating_sub(began).as_secs_f64().max(0.1);
        let seen = f64::from(self.late) / seconds;
        if self.slow_passes > 0 {
            // Either the host gave no more, or there were no more closed ports to be refused.
            self.rate = (seen * 0.9).max(self.rate / 2.0);
        } else {
            if self.refusals_keep_coming(tries) {
                self.limited_to = Some(seen);
            } else if silent > refused {
                return false;
            }
            // Without a limit it was a queue that overflowed, and so few ports cost little.
            self.rate = seen * 0.9;
        }
        self.silent = 0;
        self.slow_passes += 1;
        true
    }

    /// Whether as many refusals come to each try as to the one before. Packets that are lost by
    /// chance are found by the next try, so with mere loss the refusals of each try are a small
    /// share of the last one's.
    fn refusals_keep_coming(&self, tries: u8) -> bool {
        let tries = usize::from(tries);
        let of = |tries_before| self.by_tries.get(tries_before).copied().unwrap_or(0);
        let (before, last) = (of(tries.saturating_sub(2)), of(tries - 1));
        last >= FEW / 2 && last >= before / 2
    }
}
