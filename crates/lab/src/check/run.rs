//! Plays the cases of a role: side by side where each has a port of its own, later ones only when what they rest on held.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::exercises::{Case, Role};
use crate::stage::{Stage, Target};
use crate::verdict::{CaseReport, Outcome, ProgramReport, Report, Stop};

/// How a check is played.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Only these cases (and none of what they rest on); empty means all.
    pub only: Vec<String>,
    /// How many cases at a time.
    pub jobs: usize,
    /// How long all of it may take.
    pub limit: Duration,
}

/// A report that grows while the cases are played: whoever stops the check still has what was found out.
pub type Growing = Arc<Mutex<Report>>;

/// Plays the cases and adds their results to the report, in the cases' order.
///
/// `progress` is called as each case ends.
pub fn play(
    role: &Role,
    target: &Target,
    plan: &Plan,
    report: &Growing,
    progress: &(dyn Fn(&CaseReport) + Sync),
) {
    let begin = Instant::now();
    let cases: Vec<&Case> = role
        .cases
        .iter()
        .filter(|case| plan.only.is_empty() || plan.only.iter().any(|only| only == case.id))
        .collect();
    let table = Table {
        state: Mutex::new(State::new(cases.len())),
        changed: Condvar::new(),
    };
    // Without a port of its own every case needs the sheet's: one after another then.
    let jobs = if target.has_port() {
        plan.jobs.max(1)
    } else {
        1
    };
    thread::scope(|scope| {
        for _ in 0..jobs.min(cases.len()) {
            scope.spawn(|| {
                while let Some((index, task)) = table.next(&cases, !plan.only.is_empty()) {
                    let result = match task {
                        Task::Skip(why) => idle(cases[index], Outcome::Skipped(why)),
                        Task::Play if begin.elapsed() >= plan.limit => idle(
                            cases[index],
                            Outcome::Undecided(format!(
                                "the {} seconds for the whole check had passed",
                                plan.limit.as_secs()
                            )),
                        ),
                        Task::Play => one(cases[index], target),
                    };
                    progress(&result);
                    table.done(&result);
                    let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                    report.cases.push(result);
                    report.elapsed = begin.elapsed();
                    let order: BTreeMap<&str, usize> = role
                        .cases
                        .iter()
                        .enumerate()
                        .map(|(index, case)| (case.id, index))
                        .collect();
                    report.cases.sort_by_key(|case| order.get(case.id).copied());
                }
            });
        }
    });
}

/// How many cases are played at a time, unless the user says otherwise: most of them wait for the network.
pub fn default_jobs() -> usize {
    2 * thread::available_parallelism().map_or(2, usize::from)
}

/// Plays one case with all that belongs to it.
fn one(case: &Case, target: &Target) -> CaseReport {
    let begin = Instant::now();
    let mut stage = match Stage::new(target, case.id) {
        Ok(stage) => stage,
        Err(error) => {
            return idle(
                case,
                Outcome::Undecided(format!("no port is free: {error}")),
            );
        }
    };
    // A mistake of ours must not take the other cases along; the program under test ends all the same.
    let played = panic::catch_unwind(AssertUnwindSafe(|| (case.play)(&mut stage)));
    let flooded = stage.program().is_ok_and(|program| program.floods());
    let outcome = match played {
        Ok(Ok(())) if flooded => Outcome::Failed(Box::new(crate::verdict::Failure {
            misconception: &crate::misconceptions::FLOODS,
            summary: "The program printed more than 64 MiB and was stopped.".to_string(),
            contrast: None,
        })),
        Ok(Ok(())) => Outcome::Passed,
        Ok(Err(Stop::Wrong(mut failure))) => {
            if flooded {
                failure.misconception = &crate::misconceptions::FLOODS;
            }
            Outcome::Failed(failure)
        }
        Ok(Err(Stop::Undecided(why))) => Outcome::Undecided(why),
        Err(_) => Outcome::Undecided(
            "the check itself failed here: a mistake of ours, please report it".to_string(),
        ),
    };
    let programs: Vec<ProgramReport> = stage
        .end()
        .iter_mut()
        .map(super::process::Running::report)
        .collect();
    CaseReport {
        id: case.id,
        name: case.name,
        outcome,
        events: stage.log.events(),
        programs,
        notes: std::mem::take(&mut stage.notes),
        elapsed: begin.elapsed(),
    }
}

fn idle(case: &Case, outcome: Outcome) -> CaseReport {
    CaseReport {
        id: case.id,
        name: case.name,
        outcome,
        events: Vec::new(),
        programs: Vec::new(),
        notes: Vec::new(),
        elapsed: Duration::ZERO,
    }
}

/// Which cases have been given out, and how those that are over ended.
struct Table {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    given: Vec<bool>,
    passed: BTreeMap<&'static str, bool>,
}

impl State {
    fn new(count: usize) -> Self {
        State {
            given: vec![false; count],
            passed: BTreeMap::new(),
        }
    }
}

enum Task {
    Play,
    Skip(String),
}

impl Table {
    /// The next case whose foundations are decided; waits for one, and gives `None` when all have been given out.
    fn next(&self, cases: &[&Case], by_name: bool) -> Option<(usize, Task)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.given.iter().all(|given| *given) {
                return None;
            }
            for (index, case) in cases.iter().enumerate() {
                if state.given[index] {
                    continue;
                }
                // A case that was asked for by its name is played, whatever it rests on.
                let rests_on: &[&str] = if by_name { &[] } else { case.rests_on };
                if let Some(broken) = rests_on
                    .iter()
                    .find(|id| state.passed.get(*id) == Some(&false))
                {
                    state.given[index] = true;
                    return Some((
                        index,
                        Task::Skip(format!("rests on {broken}, which did not pass")),
                    ));
                }
                if rests_on.iter().all(|id| state.passed.contains_key(id)) {
                    state.given[index] = true;
                    return Some((index, Task::Play));
                }
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self, result: &CaseReport) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state
            .passed
            .insert(result.id, matches!(result.outcome, Outcome::Passed));
        drop(state);
        self.changed.notify_all();
    }
}
