//! Time limits that mean the same on a busy machine.

use std::time::{Duration, Instant};

use crate::kernel;

/// How much a program that is at work may compute after its time is up: a busy loop uses that up, whatever else runs.
const OVERTIME: Duration = Duration::from_millis(500);

/// `1 second`, `5 seconds`, `0.5 seconds`.
pub fn seconds(duration: Duration) -> String {
    match duration.as_secs_f64() {
        1.0 => "1 second".to_string(),
        other => format!("{other} seconds"),
    }
}

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
            overtime: None,
        }
    }
}

/// A step that waits.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    limit: Limit,
    deadline: Instant,
    /// How much the program had run when its time was first up.
    overtime: Option<Duration>,
}

impl Step {
    /// Whether the time is up. It is put off while the program is at work, or is kept from it by other programs: a limit is
    /// for those who wait for something that does not come.
    pub fn is_over(&mut self) -> bool {
        let now = Instant::now();
        if now < self.deadline {
            return false;
        }
        let group = self.limit.group;
        if now >= self.limit.end || !kernel::at_work(group) {
            return true;
        }
        let ran = kernel::pulse(group).unwrap_or_default().ran;
        let from = *self.overtime.get_or_insert(ran);
        self.deadline = Instant::now();
        ran.saturating_sub(from) >= OVERTIME
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
