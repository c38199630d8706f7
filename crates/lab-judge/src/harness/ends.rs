//! How the program under test ends: waited for, told, or brought about.

use super::{Harness, START_PATIENCE};
use crate::limit::{self, Limit, seconds};
use crate::misconceptions as m;
use crate::peers::tcp::{ReadEnd, SendOutcome};
use crate::process::{Ended, Running};
use crate::procfs;
use crate::verdict::{Step, wrong};
use std::time::{Duration, Instant};

/// How long is waited for a program's end after its connection has ended, for the evidence only.
const END_GRACE: Duration = Duration::from_millis(300);

impl Harness<'_> {
    /// All programs of the case, ended, for the report.
    pub fn end(&mut self) -> &mut [Running] {
        // The last one first: a server that was started again before the one that was killed.
        for program in self.programs.iter_mut().rev() {
            program.stop();
        }
        &mut self.programs
    }

    /// Waits until the program under test has ended by itself.
    ///
    /// # Errors
    ///
    /// When it does not end in time.
    pub fn ends(&mut self, after: &str) -> Step<Ended> {
        let step = self.limit().step_to_close();
        self.ends_in(step, self.target.patience, after, &m::HANGS)
    }

    /// Waits until a program that has just been started has ended by itself.
    ///
    /// # Errors
    ///
    /// When it does not end in time.
    pub fn ends_after_start(&mut self, after: &str) -> Step<Ended> {
        let patience = START_PATIENCE.max(self.target.patience);
        self.ends_within(patience, after, &m::HANGS)
    }

    /// Waits until the program under test has ended by itself, this long.
    ///
    /// # Errors
    ///
    /// When it does not end in time: then that is a sign of the suspected mistake.
    pub fn ends_within(
        &mut self,
        patience: Duration,
        after: &str,
        suspect: &'static m::Misconception,
    ) -> Step<Ended> {
        let limit = Limit {
            patience,
            ..self.limit()
        };
        self.ends_in(limit.step(), patience, after, suspect)
    }

    fn ends_in(
        &mut self,
        mut step: limit::Step,
        patience: Duration,
        after: &str,
        suspect: &'static m::Misconception,
    ) -> Step<Ended> {
        let limit = self.limit();
        let (begin, from) = (Instant::now(), procfs::cpu_usage(limit.group));
        let program = self.program()?;
        loop {
            if let Some(ended) = program.wait(step.tick()) {
                program.drained();
                return Ok(ended);
            }
            if step.is_over() {
                break;
            }
        }
        limit.tell(&self.log, "we", "the program's end", step.waited());
        // One that waits does not run.
        let ran = match (from, procfs::cpu_usage(limit.group)) {
            (Some(from), Some(now)) => now.ran.saturating_sub(from.ran),
            _ => Duration::ZERO,
        };
        if suspect.id == m::HANGS.id && (4 * ran >= begin.elapsed() || procfs::is_busy(limit.group))
        {
            return Err(wrong(
                &m::SPINS,
                format!(
                    "The program does not end {after}, and keeps a processor busy all the time."
                ),
            ));
        }
        Err(wrong(
            suspect,
            match limit.waits() {
                true => {
                    format!("The program does not end {after}: it waits, and nothing will come.")
                }
                false => format!("The program still ran {} {after}.", seconds(patience)),
            },
        ))
    }

    /// For the evidence: whether the program has ended, with a moment's grace since its connection
    /// ends a little before it.
    pub fn ended_with(&mut self) -> Option<Ended> {
        let program = self.programs.last_mut()?;
        let ended = program.wait(END_GRACE);
        if ended.is_some() {
            program.drained();
        }
        ended
    }

    /// A sentence about how listening ended, with the program's own end where there was one.
    pub fn ending(&mut self, end: ReadEnd) -> String {
        let words = end.words(&self.limit().in_vain());
        match end {
            ReadEnd::Closed | ReadEnd::Reset => match self.ended_with() {
                Some(ended) => format!("{words}, and {ended}"),
                None => words,
            },
            _ => words,
        }
    }

    /// Checks that the bytes were taken.
    ///
    /// # Errors
    ///
    /// When the program did not read them, or has hung up.
    pub fn must_take(&mut self, taken: SendOutcome, suspect: &'static m::Misconception) -> Step {
        match taken {
            SendOutcome::Yes => Ok(()),
            SendOutcome::Gone => {
                let ending = self.ending(ReadEnd::Closed);
                Err(wrong(
                    suspect,
                    format!(
                        "While we were still sending, {}.",
                        ending.trim_start_matches("then ")
                    ),
                ))
            }
            SendOutcome::No => Err(wrong(
                suspect,
                format!(
                    "The program stopped reading: for {} it took nothing.",
                    seconds(self.patience())
                ),
            )),
        }
    }

    /// Kills the server under test as a crash would, and starts it again at once on its port.
    ///
    /// # Errors
    ///
    /// When the system cannot start it.
    pub fn restart(&mut self) -> Step {
        self.program()?.kill();
        self.log.did("we", "killed the server and started it again");
        // Clients are counted from the beginning: the next one waits until the new server listens.
        self.clients = 0;
        self.start("")
    }
}
