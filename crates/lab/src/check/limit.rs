//! Time limits that mean the same on a busy machine.

use std::time::{Duration, Instant};

use crate::kernel;

/// How often a limit is put off for a program that is at work.
const EXTENSIONS: u32 = 3;

/// How long a step may wait for a program.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// The time for a step.
    pub patience: Duration,
    /// The end of the case.
    pub end: Instant,
    /// The program's process group.
    pub group: u32,
}

impl Limit {
    /// A step that begins now.
    pub fn step(self) -> Step {
        Step {
            limit: self,
            deadline: self.end.min(Instant::now() + self.patience),
            extensions: EXTENSIONS,
        }
    }
}

/// A step that waits.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    limit: Limit,
    deadline: Instant,
    extensions: u32,
}

impl Step {
    /// Whether the time is up. It is put off while the program is at work, or is kept from it by other programs: a limit is
    /// for those who wait for something that does not come.
    pub fn is_over(&mut self) -> bool {
        let now = Instant::now();
        if now < self.deadline {
            return false;
        }
        if now < self.limit.end && self.extensions > 0 && kernel::at_work(self.limit.group) {
            self.extensions -= 1;
            self.deadline = self.limit.end.min(Instant::now() + self.limit.patience);
            return false;
        }
        true
    }

    /// Something came: the time begins anew.
    pub fn renew(&mut self) {
        *self = self.limit.step();
    }

    /// How long is left before the question is asked, at most a tick.
    pub fn tick(&self) -> Duration {
        self.deadline
            .saturating_duration_since(Instant::now())
            .min(Duration::from_millis(20))
    }
}
