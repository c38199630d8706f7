//! Time limits that mean the same on a busy machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::procfs;

/// A program that has nothing to do and runs this long is in a loop.
pub const LOOPS: Duration = Duration::from_millis(300);

/// How much a program that is at work may compute after its time is up: a busy loop uses that up, whatever else runs.
const OVERTIME: Duration = Duration::from_millis(500);

/// `1 second`, `5 seconds`, `0.5 seconds`.
pub fn seconds(duration: Duration) -> String {
    match duration.as_secs_f64() {
        1.0 => "1 second".to_string(),
        other => format!("{other} seconds"),
    }
}

/// Whether the end of the case has cut a step short. What did not come in a step that was cut says nothing about the program.
#[derive(Debug, Clone, Default)]
pub struct Cut(Arc<AtomicBool>);

impl Cut {
    /// A step has been cut short.
    pub fn note(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether one has.
    pub fn was(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// How long a step may wait for a program.
#[derive(Debug, Clone)]
pub struct Limit {
    /// The time for a step.
    pub patience: Duration,
    /// The end of the case.
    pub end: Instant,
    /// The program's process group.
    pub group: u32,
    /// Where it is noted that the end of the case has cut a step short.
    pub cut: Cut,
}

impl Limit {
    /// A step that begins now.
    pub fn step(&self) -> Step {
        let begin = Instant::now();
        Step {
            limit: self.clone(),
            begin,
            deadline: self.end.min(begin + self.patience),
            overtime: None,
            looked: false,
        }
    }
}

/// A step that waits.
#[derive(Debug)]
pub struct Step {
    limit: Limit,
    begin: Instant,
    deadline: Instant,
    /// How much the program had run when its time was first up.
    overtime: Option<Duration>,
    /// Whether the program was found at rest, or at work for too long, after its time was up.
    looked: bool,
}

impl Step {
    /// Whether the time is up. It is put off while the program is at work, or is kept from it by other programs: a limit is
    /// for those who wait for something that does not come.
    ///
    /// To find a program at rest takes a while, in which it may have done what was waited for, and only then have come to rest. So the
    /// first answer after that is no: the caller looks once more.
    pub fn is_over(&mut self) -> bool {
        if self.looked {
            return true;
        }
        let now = Instant::now();
        if now < self.deadline {
            return false;
        }
        let group = self.limit.group;
        if now >= self.limit.end {
            // A program that was still at work had not had its time either.
            if self.overtime.is_some() || now - self.begin < self.limit.patience {
                self.limit.cut.note();
            }
            return true;
        }
        if procfs::is_busy(group) {
            let ran = procfs::cpu_usage(group).unwrap_or_default().ran;
            let from = *self.overtime.get_or_insert(ran);
            self.deadline = Instant::now();
            self.looked = ran.saturating_sub(from) >= OVERTIME;
        } else {
            self.looked = true;
        }
        false
    }

    /// Something came: the time begins anew.
    pub fn renew(&mut self) {
        *self = self.limit.step();
    }

    /// How long was waited, for the evidence: the time of a step, or what the end of the case left of it, in tenths of a second.
    pub fn waited(&self) -> Duration {
        let waited = self.begin.elapsed();
        match waited < self.limit.patience {
            true => Duration::from_millis(
                u64::try_from(waited.as_millis()).unwrap_or(u64::MAX) / 100 * 100,
            ),
            false => self.limit.patience,
        }
    }

    /// How long is left before the question is asked, at most a tick.
    pub fn tick(&self) -> Duration {
        self.deadline
            .saturating_duration_since(Instant::now())
            .min(Duration::from_millis(20))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(patience: u64, end: u64) -> (Step, Cut) {
        let cut = Cut::default();
        let limit = Limit {
            patience: Duration::from_millis(patience),
            end: Instant::now() + Duration::from_millis(end),
            group: 0,
            cut: cut.clone(),
        };
        let mut step = limit.step();
        while !step.is_over() {
            std::thread::sleep(step.tick());
        }
        (step, cut)
    }

    #[test]
    fn a_step_that_the_end_of_its_case_cuts_short_says_so_and_how_long_it_waited() {
        let (step, cut) = over(60_000, 250);
        assert!(cut.was());
        let waited = step.waited();
        assert!(waited >= Duration::from_millis(200), "{waited:?}");
        assert!(waited < Duration::from_secs(60), "{waited:?}");
        assert_eq!(waited.subsec_millis() % 100, 0);
    }

    #[test]
    fn what_a_program_did_while_it_was_found_at_rest_is_looked_for_once_more() {
        let limit = Limit {
            patience: Duration::ZERO,
            end: Instant::now() + Duration::from_secs(60),
            group: 0,
            cut: Cut::default(),
        };
        let mut step = limit.step();
        assert!(!step.is_over());
        assert!(step.is_over());
    }

    #[test]
    fn a_step_that_had_its_time_was_not_cut_short() {
        let (step, cut) = over(50, 60_000);
        assert!(!cut.was());
        assert_eq!(step.waited(), Duration::from_millis(50));
    }
}
