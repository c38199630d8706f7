//! Plays the cases of a role: side by side where each has its
//! own port, later ones only when what they rest on held.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::crash;
use crate::exercise::{Case, Kind, Role};
use crate::harness::{Groups, Harness, Target};
use crate::journal;
use crate::limit::seconds;
use crate::misconceptions as m;
use crate::process::OpenQuestion;
use crate::procfs;
use crate::verdict::{CaseReport, Outcome, ProgramReport, Report, Stop};

/// How a check is played.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Only these cases (and none of what they rest on); empty means all.
    pub only: Vec<String>,
    /// How many cases at a time.
    pub jobs: usize,
    /// When the check began.
    pub begin: Instant,
    /// How long all of it may take.
    pub limit: Duration,
}

impl Plan {
    /// Whether a case is played.
    pub fn has(&self, case: &Case) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == case.id)
    }

    /// Whether the time for the whole check has passed.
    pub fn is_over(&self) -> bool {
        self.begin.elapsed() >= self.limit
    }

    fn over(&self) -> Outcome {
        Outcome::Undecided(format!(
            "the {} for the whole check had passed",
            seconds(self.limit)
        ))
    }
}

/// No program has so much to say before anybody can reach it, in bytes.
const MUCH: u64 = 1024 * 1024;

/// A report that grows while the cases are played: anyone
/// who stops the check still has what was found out.
pub type SharedReport = Arc<Mutex<Report>>;

/// Plays the cases and puts their results into the
/// report, in the place of what stood there for them.
///
/// `progress` is called as each case ends.
pub fn play(
    role: &Role,
    target: &Target,
    plan: &Plan,
    report: &SharedReport,
    progress: &(dyn Fn(&CaseReport) + Sync),
) {
    let cases: Vec<&Case> = role.cases.iter().filter(|case| plan.has(case)).collect();
    let table = Table {
        state: Mutex::new(State::new(cases.len())),
        changed: Condvar::new(),
    };
    let jobs = if target.side_by_side() {
        plan.jobs.max(1)
    } else {
        1
    };
    thread::scope(|scope| {
        for _ in 0..jobs.min(cases.len()) {
            scope.spawn(|| {
                while let Some((index, task)) = table.next(&cases, !plan.only.is_empty()) {
                    let case = cases[index];
                    let result = match task {
                        Task::Skip(why) => idle(role, case, Outcome::Skipped(why)),
                        Task::Play if plan.is_over() => idle(role, case, plan.over()),
                        // Whatever fails here, the others learn
                        // that this case is over: they wait for it.
                        Task::Play => panic::catch_unwind(AssertUnwindSafe(|| {
                            settled(role, case, target, plan, report)
                        }))
                        .unwrap_or_else(|panic| {
                            idle(role, case, internal_error(report, case, &*panic))
                        }),
                    };
                    table.done(&result);
                    progress(&result);
                    let mut report = labnet::lock(report);
                    report.elapsed = plan.begin.elapsed();
                    match report.case_mut(result.role, result.id) {
                        Some(known) => *known = result,
                        None => report.cases.push(result),
                    }
                }
            });
        }
    });
}

/// The cases of a role before any of them has been played.
pub fn not_played(role: &Role, plan: &Plan) -> Vec<CaseReport> {
    let outcome = || Outcome::Undecided("it was not played".to_string());
    let cases = role.cases.iter().filter(|case| plan.has(case));
    cases.map(|case| idle(role, case, outcome())).collect()
}

/// How many cases are played at a time, unless the user
/// says otherwise: most of them wait for the network.
pub fn default_jobs() -> usize {
    2 * thread::available_parallelism().map_or(2, usize::from)
}

/// Plays a case; again, when it was the last one's connections that were in its way.
///
/// On the sheet's port one case follows another, and the connections that a server closed hold its
/// port for a minute (TIME_WAIT) against a server without SO_REUSEADDR. That is told by the case
/// `restart`, and must not fail all others.
fn settled(
    role: &Role,
    case: &Case,
    target: &Target,
    plan: &Plan,
    report: &SharedReport,
) -> CaseReport {
    let held = |target: &Target| {
        !target.side_by_side() && role.kind == Kind::Server && target.held_by_the_past()
    };
    let was_held = held(target);
    let result = one(role, case, target, plan, report);
    let in_the_way = was_held
        && matches!(&result.outcome, Outcome::Failed(failure)
            if [m::ENDS_AT_ONCE.id, m::CANNOT_BIND.id].contains(&failure.misconception.id));
    if !in_the_way {
        return result;
    }
    let from = Instant::now();
    while held(target) && !plan.is_over() {
        thread::sleep(Duration::from_millis(100));
    }
    let waited = from.elapsed().as_secs();
    let mut result = one(role, case, target, plan, report);
    result.notes.push(format!(
        "the server could not be started at once after the last case, so this one waited {waited} s for its port: it does not set \
         SO_REUSEADDR; with {{port}} in the command each case has its own port"
    ));
    result
}

/// Plays one case with all that belongs to it.
fn one(
    role: &Role,
    case: &Case,
    target: &Target,
    plan: &Plan,
    report: &SharedReport,
) -> CaseReport {
    let begin = Instant::now();
    let network = match target.enter_network() {
        Ok(network) => network,
        Err(error) => return idle(role, case, Outcome::Undecided(format!("{error:#}"))),
    };
    let mut harness = match Harness::new(target, case.id, network) {
        Ok(harness) => harness,
        Err(error) => {
            let why = format!("there is no port or no folder for it: {error}");
            return idle(role, case, Outcome::Undecided(why));
        }
    };
    // A mistake of ours must not take the other cases
    // along; the program under test ends all the same.
    let (groups, last_moment) = (harness.groups(), harness.last_moment());
    let (played, stopped) = until(last_moment, &groups, || {
        panic::catch_unwind(AssertUnwindSafe(|| (case.play)(&mut harness)))
    });
    let flooded = harness.program().is_ok_and(|program| program.floods());
    let printed = harness
        .program()
        .map_or(0, |program| program.total_printed());
    let mut applies = true;
    let outcome = match played {
        // A case that does not look at its time has gone on, but with a program that we have ended.
        Ok(_) if stopped && plan.is_over() => plan.over(),
        Ok(_) if stopped => Outcome::Undecided(format!(
            "the {} for a case had passed long ago, and it still went on: its programs were ended",
            harness.case_limit()
        )),
        Ok(Ok(())) if flooded => Outcome::Failed(Box::new(crate::verdict::Failure {
            misconception: &m::FLOODS,
            summary: "The program printed more than 64 MiB and was stopped.".to_string(),
            diff: None,
            elsewhere: None,
        })),
        Ok(Ok(())) => Outcome::Passed,
        // What was waited for may have been cut short by the end of the whole check: that says
        // nothing about the program.
        Ok(Err(_)) if plan.is_over() => plan.over(),
        Ok(Err(Stop::Wrong(failure)))
            if failure.diff.is_none()
                && let Some(question) = asks(&mut harness, target) =>
        {
            Outcome::Undecided(waits_for_the_keyboard(&question))
        }
        Ok(Err(Stop::Wrong(_))) if harness.was_cut_short() && !flooded => {
            Outcome::Undecided(format!(
                "the {} for a case had passed while the program was waited for",
                harness.case_limit()
            ))
        }
        Ok(Err(Stop::Wrong(mut failure))) if flooded => {
            failure.misconception = &m::FLOODS;
            Outcome::Failed(failure)
        }
        // On its way to listen or connect a program has little to say.
        Ok(Err(Stop::Wrong(mut failure)))
            if failure.misconception.id == m::NOT_LISTENING.id && printed > MUCH =>
        {
            failure.misconception = &m::FLOODS;
            failure
                .summary
                .push_str(&format!(" It had printed {printed} bytes by then."));
            Outcome::Failed(failure)
        }
        Ok(Err(Stop::Wrong(failure))) => match crash::explain(&mut harness, failure, role.kind) {
            Stop::Wrong(failure) => Outcome::Failed(failure),
            Stop::Undecided(why) => Outcome::Undecided(why),
            Stop::NotAsked(why) => Outcome::Skipped(why),
        },
        Ok(Err(Stop::Undecided(why))) => Outcome::Undecided(why),
        Ok(Err(Stop::NotAsked(why))) => {
            applies = false;
            Outcome::Skipped(why)
        }
        Err(panic) => internal_error(report, case, &*panic),
    };
    let mut left = Vec::new();
    let programs: Vec<ProgramReport> = harness
        .end()
        .iter_mut()
        .map(|program| {
            left.extend(program.left_behind());
            program.report()
        })
        .collect();
    harness.notes.append(&mut left);
    let mut result = CaseReport {
        role: role.kind.name(),
        id: case.id,
        name: case.name,
        asked: role.asked(case.id),
        outcome,
        applies,
        events: harness.log.events(),
        programs,
        only_the_port: false,
        notes: std::mem::take(&mut harness.notes),
        began: harness.began,
        elapsed: begin.elapsed(),
        trace: None,
    };
    let recorded = harness.recorded();
    if !recorded.is_empty() {
        let unknown = recorded.iter().any(Option::is_none);
        let recorded = recorded.into_iter().flatten().collect();
        let mut trace = journal::of_case(&result, target.kind, recorded);
        if unknown {
            let note = "one program's calls are not known: it was ended before it could be traced";
            trace.notes.push(note.to_string());
        }
        result.trace = Some(trace);
    }
    result
}

/// Plays a case that has been played, once more and under the tracer. It decides nothing.
pub fn record(role: &Role, case: &Case, target: &Target, plan: &Plan) -> CaseReport {
    let apart = SharedReport::default();
    one(role, case, target, plan, &apart)
}

/// Whether the program under test waits for an answer that the check does not have. A server that
/// listens has got all it needs.
fn asks(harness: &mut Harness<'_>, target: &Target) -> Option<OpenQuestion> {
    let program = harness.program().ok()?;
    let question = program.open_question()?;
    let listens = || {
        ["tcp", "udp"]
            .iter()
            .any(|protocol| !procfs::listening(protocol, program.id()).is_empty())
    };
    (target.kind != Kind::Server || !listens()).then_some(question)
}

/// Why a program that asks what the check cannot answer was not judged.
fn waits_for_the_keyboard(question: &OpenQuestion) -> String {
    let asked = match question.prompt.as_str() {
        "" => String::new(),
        prompt => format!(" It asks: {prompt:?}."),
    };
    match question.more {
        true => format!(
            "it waits for the keyboard once more, after it was told what the exercise has for it.{asked} If a word ends it, let the \
             prompt name it: (quit to end)"
        ),
        false => format!(
            "it waits for the keyboard, and the check does not know what to type.{asked} Let it take this from its command line, or \
             leave the question out"
        ),
    }
}

/// Plays, and ends the programs at this moment if the play is not over by then: whatever waits for
/// them, or listens to them without end, comes to its own end. Says whether that was needed.
fn until<T>(moment: Instant, groups: &Groups, play: impl FnOnce() -> T) -> (T, bool) {
    /// How often is looked for programs that were started since.
    const AGAIN: Duration = Duration::from_millis(50);
    let (over, changed) = (Mutex::new(false), Condvar::new());
    thread::scope(|scope| {
        let guard = scope.spawn(|| {
            let mut stopped = false;
            let mut left = moment.saturating_duration_since(Instant::now());
            let mut is_over = labnet::lock(&over);
            loop {
                (is_over, _) = changed
                    .wait_timeout_while(is_over, left, |over| !*over)
                    .unwrap_or_else(PoisonError::into_inner);
                if *is_over {
                    return stopped;
                }
                stopped = true;
                left = AGAIN;
                drop(is_over);
                let started = labnet::lock(groups).clone();
                for group in started {
                    group.end();
                }
                is_over = labnet::lock(&over);
            }
        });
        let played = play();
        *labnet::lock(&over) = true;
        changed.notify_all();
        // A guard that failed has ended nothing.
        (played, guard.join().unwrap_or(false))
    })
}

/// A panic of ours is the trouble of the whole check, and decides nothing about the program.
fn internal_error(
    report: &SharedReport,
    case: &Case,
    panic: &(dyn std::any::Any + Send),
) -> Outcome {
    let words = panic_message(panic);
    labnet::lock(report).trouble = Some(format!(
        "the check itself failed in the case {}, which is a mistake of ours: {words}",
        case.id
    ));
    Outcome::Undecided(format!(
        "the check itself failed here, which is a mistake of ours: {words}"
    ))
}

/// What a panic said.
pub fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_else(|| "it did not say why".to_string())
}

fn idle(role: &Role, case: &Case, outcome: Outcome) -> CaseReport {
    CaseReport {
        role: role.kind.name(),
        id: case.id,
        name: case.name,
        asked: role.asked(case.id),
        outcome,
        applies: true,
        events: Vec::new(),
        programs: Vec::new(),
        only_the_port: false,
        notes: Vec::new(),
        began: SystemTime::now(),
        elapsed: Duration::ZERO,
        trace: None,
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
    /// The next case whose foundations are decided; waits for
    /// one, and gives `None` when all have been given out.
    fn next(&self, cases: &[&Case], by_name: bool) -> Option<(usize, Task)> {
        let mut state = labnet::lock(&self.state);
        loop {
            if state.given.iter().all(|given| *given) {
                return None;
            }
            for (index, case) in cases.iter().enumerate() {
                if state.given[index] {
                    continue;
                }
                // A case that was asked for by its name is played, whatever it rests on.
                let depends_on: &[&str] = if by_name { &[] } else { case.depends_on };
                if let Some(broken) = depends_on
                    .iter()
                    .find(|id| state.passed.get(*id) == Some(&false))
                {
                    state.given[index] = true;
                    return Some((
                        index,
                        Task::Skip(format!("rests on {broken}, which did not pass")),
                    ));
                }
                if depends_on.iter().all(|id| state.passed.contains_key(id)) {
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
        let mut state = labnet::lock(&self.state);
        state
            .passed
            .insert(result.id, matches!(result.outcome, Outcome::Passed));
        drop(state);
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests;
