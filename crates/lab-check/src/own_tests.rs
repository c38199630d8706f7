//! The tests of a hand-out's exercise: the last case of a check of our own programs.
//!
//! So the check and the tests have one goal: programs that pass every case pass the tests. They are
//! played when all other cases pass, since those say better what is wrong. The whole workspace
//! holds the tests of every exercise, and has no such case.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IsTerminal};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use lab_core::cargo::BuildLines;
use lab_core::catalog::Catalog;
use lab_core::process::{self, Stream};
use lab_judge::exercise::{Exercise, Role};
use lab_judge::misconceptions as m;
use lab_judge::run::{Plan, SharedReport};
use lab_judge::verdict::{CaseReport, Diff, Excerpt, Failure, Outcome, ProgramReport, Side, TESTS};
use labnet::{lock, log};

use crate::progress::Progress;
use crate::workspace;

/// The sides of a check, each with its command.
type Sides = [(&'static Role, String)];

/// The case's short name, for `--only`.
pub const ID: &str = "tests";
/// What is so when it passes.
pub const NAME: &str = "passes the exercise's tests, which want the words of twin.py";
/// What is run in its turn: where already the two programs do not understand
/// each other, every other test would wait in vain.
const PARTS: [&str; 2] = ["of_rust_server_and_rust_client", ""];
/// How cargo runs them.
const ARGUMENTS: [&str; 5] = ["test", "-p", "tests", "--test", "exercises"];
/// How often a run of the tests is asked whether it is still wanted.
const PERIOD: Duration = Duration::from_millis(200);
/// The time for the build of the tests.
const BUILD_LIMIT: Duration = Duration::from_secs(1800);
/// So many pieces of what the tests print may wait to be read.
const WAITING_PIECES: usize = 64;

/// The case before it is played, with what it has for a side;
/// none where it does not belong to this check.
pub fn not_played(
    exercise: &'static Exercise,
    sides: &Sides,
    plan: &Plan,
) -> Option<(Side, CaseReport)> {
    let asked_for = plan.only.iter().any(|only| only == ID);
    let wanted = asked_for || (plan.only.is_empty() && sides.len() == exercise.roles.len());
    if !wanted || !are_there(exercise, sides) {
        return None;
    }
    let side = Side {
        role: TESTS,
        command: format!("cargo {}", ARGUMENTS.join(" ")),
        readme: "README.md".to_string(),
        section: Some("What your program must do".to_string()),
    };
    let case = CaseReport {
        role: TESTS,
        id: ID,
        name: NAME,
        asked: None,
        outcome: Outcome::Undecided("it was not played".to_string()),
        events: Vec::new(),
        programs: Vec::new(),
        applies: true,
        only_the_port: false,
        notes: Vec::new(),
        began: SystemTime::now(),
        elapsed: Duration::ZERO,
        trace: None,
    };
    Some((side, case))
}

/// Whether this is a check of our own programs in a hand-out with one exercise's tests.
pub fn are_there(exercise: &'static Exercise, sides: &Sides) -> bool {
    let Some(role) = exercise.roles.last() else {
        return false;
    };
    let own = sides.iter().all(|(_, command)| command == "rust");
    if !own || !sides.iter().any(|(side, _)| side.kind == role.kind) {
        return false;
    }
    let Ok(tests) = fs::read_dir(workspace::root().join("tests/tests/exercises")) else {
        return false;
    };
    let main = |name: &std::ffi::OsString| name == "main.rs";
    let names = tests.flatten().map(|entry| entry.file_name());
    if names.filter(|name| !main(name)).count() != 1 {
        return false;
    }
    // A server and a client may have a check each: the last one has the tests of both.
    let Ok(catalog) = Catalog::read() else {
        return false;
    };
    let exercises = catalog.exercises();
    let last = exercises.flat_map(|exercise| &exercise.programs).last();
    last.is_some_and(|last| last.package == role.package)
}

/// Plays the tests when everything else has passed.
///
/// # Errors
///
/// When cargo cannot be started.
pub fn play(plan: &Plan, shared_report: &SharedReport) -> anyhow::Result<()> {
    let others_pass = {
        let report = lock(shared_report);
        if !report.cases.iter().any(|case| case.id == ID) {
            return Ok(());
        }
        let mut others = report.cases.iter().filter(|case| case.id != ID);
        others.all(|case| matches!(case.outcome, Outcome::Passed))
    };
    let begin = Instant::now();
    let until = plan.begin.checked_add(plan.limit).unwrap_or(begin);
    let mut told = (
        Outcome::Skipped("it comes when all others pass".to_string()),
        Vec::new(),
    );
    if others_pass {
        // What cargo builds does not count: the limit is for programs that hang.
        told = match built(begin + BUILD_LIMIT)? {
            Some(outcome) => (outcome, Vec::new()),
            None => played(until + begin.elapsed())?,
        };
    }
    let (outcome, programs) = told;
    let mut report = lock(shared_report);
    for case in report.cases.iter_mut().filter(|case| case.id == ID) {
        case.outcome = outcome.clone();
        case.programs.clone_from(&programs);
        case.elapsed = begin.elapsed();
    }
    report.elapsed = plan.begin.elapsed();
    Ok(())
}

/// Builds the tests, with cargo's bar on a terminal. Gives why they cannot be played.
fn built(until: Instant) -> anyhow::Result<Option<Outcome>> {
    let mut command = lab_core::cargo::command();
    command.args(ARGUMENTS).arg("--no-run");
    lab_core::cargo::show_progress(&mut command);
    let mut lines = BuildLines::new(&["the tests of the exercise"]);
    let ended = listen(command, until, |stream, bytes| {
        if let Stream::Stderr = stream {
            lines.feed(bytes);
        }
    })?;
    Ok(match ended {
        Ended::Passed => None,
        Ended::Failed => Some(not_run("they do not build")),
        Ended::Stopped(outcome) => Some(outcome),
    })
}

/// Plays the tests in their turn, until one fails.
fn played(until: Instant) -> anyhow::Result<(Outcome, Vec<ProgramReport>)> {
    let mut told = (Outcome::Passed, Vec::new());
    for some in PARTS {
        told = outcome(some, until)?;
        if !matches!(told.0, Outcome::Passed) {
            break;
        }
    }
    Ok(told)
}

/// Runs the tests with this in their names, and says how that ended.
fn outcome(some: &str, until: Instant) -> anyhow::Result<(Outcome, Vec<ProgramReport>)> {
    let mut command = lab_core::cargo::command();
    command.args(ARGUMENTS).arg(some);
    command.env("RUST_BACKTRACE", "0").stderr(Stdio::piped());
    let (mut printed, mut errors) = (Vec::new(), Vec::new());
    let mut counted = Counted::default();
    let ended = listen(command, until, |stream, bytes| match stream {
        Stream::Stdout => {
            printed.extend_from_slice(bytes);
            counted.look(&printed);
        }
        Stream::Stderr => errors.extend_from_slice(bytes),
    })?;
    let text = String::from_utf8_lossy(&printed);
    Ok(match (ended, failed(&text, some)) {
        (Ended::Passed, _) => (Outcome::Passed, Vec::new()),
        (Ended::Stopped(outcome), _) => (outcome, Vec::new()),
        (Ended::Failed, Some((failure, said))) => {
            let said = ProgramReport {
                ended: None,
                stdout: Excerpt::of(said.as_bytes()),
                stderr: Excerpt::of(b""),
            };
            (Outcome::Failed(Box::new(failure)), vec![said])
        }
        (Ended::Failed, None) => {
            let errors = String::from_utf8_lossy(&errors);
            let line = errors.lines().find(|line| line.starts_with("error"));
            (
                not_run(line.unwrap_or("cargo does not say why")),
                Vec::new(),
            )
        }
    })
}

fn not_run(why: &str) -> Outcome {
    let command = ARGUMENTS.join(" ");
    Outcome::Undecided(format!(
        "the tests could not be run: {why}; cargo {command} shows more"
    ))
}

/// How a call of cargo ended.
enum Ended {
    Passed,
    Failed,
    /// Before its end, and what that makes of the case.
    Stopped(Outcome),
}

/// Runs cargo as long as its result is wanted, and gives what it prints to the listener.
fn listen(
    mut command: Command,
    until: Instant,
    mut listener: impl FnMut(Stream, &[u8]),
) -> anyhow::Result<Ended> {
    command.current_dir(workspace::root());
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut cargo = process::start_group(&mut command).context("cannot start cargo")?;
    let (sender, events) = sync_channel(WAITING_PIECES);
    cargo.listen((), &sender);
    drop(sender);
    loop {
        match events.recv_timeout(PERIOD) {
            Ok(event) => listener(event.stream, &event.bytes.unwrap_or_default()),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        // Dropped, it is killed with all that it has started.
        if !lab_judge::process::may_start() {
            let outcome = Outcome::Undecided("it was stopped".to_string());
            return Ok(Ended::Stopped(outcome));
        }
        if Instant::now() >= until {
            let why = "the time for the whole check had passed: --limit gives it more";
            return Ok(Ended::Stopped(Outcome::Undecided(why.to_string())));
        }
    }
    Ok(match cargo.end()?.success() {
        true => Ended::Passed,
        false => Ended::Failed,
    })
}

/// Shows how many of the tests have been played: a bar on a terminal, one line elsewhere.
#[derive(Default)]
struct Counted {
    progress: Option<Progress>,
    done: usize,
}

impl Counted {
    /// Looks at all that libtest has printed so far.
    fn look(&mut self, printed: &[u8]) {
        let text = String::from_utf8_lossy(printed);
        let total = || {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("running "))?;
            line.split(' ').next()?.parse::<usize>().ok()
        };
        // The first test alone takes no time.
        if let (None, Some(total)) = (&self.progress, total().filter(|total| *total > 1)) {
            if !io::stderr().is_terminal() {
                log!("playing the {total} tests of the exercise …");
            }
            self.progress = Some(Progress::new(total, "the exercise's tests"));
        }
        let Some(progress) = &self.progress else {
            return;
        };
        for (name, _) in results(&text).skip(self.done) {
            self.done += 1;
            progress.done(name);
        }
    }
}

/// Each test that libtest tells the result of, `test NAME ... ok`, and that result.
fn results(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines();
    lines.filter_map(|line| line.strip_prefix("test ")?.split_once(" ... "))
}

/// A value of a test without Rust's word for "there is one".
fn plain(value: &str) -> &str {
    let inside = value.strip_prefix("Some(");
    inside
        .and_then(|inside| inside.strip_suffix(')'))
        .unwrap_or(value)
}

/// What libtest says about failed tests: the first one, and what its programs said.
fn failed(text: &str, some: &str) -> Option<(Failure, String)> {
    let results: BTreeMap<&str, bool> = results(text)
        .map(|(name, result)| (name, result.starts_with("FAILED")))
        .collect();
    let wrong: Vec<&str> = results
        .iter()
        .filter(|(_, failed)| **failed)
        .map(|(name, _)| *name)
        .collect();
    let (first, others) = wrong.split_first()?;
    let (_, after) = text.split_once(&format!("---- {first} stdout ----\n"))?;
    let section = after
        .split("\n---- ")
        .next()?
        .split("\n\nfailures:\n")
        .next()?;
    let what = section
        .lines()
        .find_map(|line| line.strip_prefix("assertion `left == right` failed: "))
        .map_or(String::new(), |what| format!(": {what}"));
    let value = |label: &str| {
        let mut lines = section.lines();
        lines.find_map(|line| line.trim_start().strip_prefix(label))
    };
    let values = value("left: ").zip(value("right: "));
    let diff = values.and_then(|(received, expected)| {
        Some(Diff {
            expected: unescaped(expected)?.into_bytes(),
            received: unescaped(received)?.into_bytes(),
        })
    });
    let short = match (values, &diff) {
        (Some((received, expected)), None) => {
            // Exit codes: other numbers come without `Some`.
            let likely = match (expected, received) {
                ("Some(1)", "Some(0)") => {
                    "; in Rust labnet::fail ends nothing without `return` before it"
                }
                _ => "",
            };
            let (expected, received) = (plain(expected), plain(received));
            format!(" (expected {expected}, got {received}{likely})")
        }
        _ => String::new(),
    };
    let then = match others {
        [] => String::new(),
        others => format!(" Then come {}.", others.join(", ")),
    };
    let count = match (some, wrong.len()) {
        ("", 1) => format!("1 of {} tests fails: ", results.len()),
        ("", count) => format!("{count} of {} tests fail. The first is ", results.len()),
        _ => "The two programs do not work together, so the other tests were not played. What fails is ".to_string(),
    };
    let failure = Failure {
        misconception: &m::FAILS_TESTS,
        summary: format!("{count}{first}{what}{short}.{then}"),
        diff,
        elsewhere: None,
    };
    // Where both texts are shown, what is left is what the programs said.
    let told = failure.diff.is_some();
    let said = section
        .lines()
        .take_while(|line| !(told && line.starts_with("thread '")))
        .filter(|line| !line.is_empty() && !line.starts_with("note: run with"));
    Some((failure, said.collect::<Vec<_>>().join("\n")))
}

/// A text as Rust prints it for programmers, in quotes.
fn unescaped(quoted: &str) -> Option<String> {
    let mut rest = quoted.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut text = String::new();
    while let Some(c) = rest.next() {
        let c = match c {
            '\\' => match rest.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '0' => '\0',
                'u' => {
                    let digits = rest.by_ref().skip(1).take_while(|c| *c != '}');
                    let digits: String = digits.collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
                }
                other => other,
            },
            other => other,
        };
        text.push(c);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: &str = r#"
running 3 tests
test sum::good ... ok
test sum::words ... FAILED
test sum::other ... FAILED

failures:

---- sum::words stdout ----
client: exit status: 1
  stderr: Error: no

thread 'sum::words' (7) panicked at tests/src/pairing.rs:107:13:
assertion `left == right` failed: stderr of a client without a server
  left: "Error: no\n"
 right: "Error: cannot \"connect\" \u{e9}\n"
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace

---- sum::other stdout ----
other

failures:
    sum::other
    sum::words

test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out
"#;

    #[test]
    fn the_first_test_that_fails_is_told_with_both_texts() {
        let (failure, said) = failed(FAILED, "").expect("a test fails");
        // In the order of their names, as libtest lists them.
        assert_eq!(
            failure.summary,
            "2 of 3 tests fail. The first is sum::other. Then come sum::words."
        );
        assert_eq!(said, "other");
        let one = FAILED.replace("sum::other ... FAILED", "sum::other ... ok");
        let (failure, said) = failed(&one, "").expect("a test fails");
        assert_eq!(
            failure.summary,
            "1 of 3 tests fails: sum::words: stderr of a client without a server."
        );
        let diff = failure.diff.expect("both texts are there");
        assert_eq!(diff.received, b"Error: no\n");
        assert_eq!(diff.expected, "Error: cannot \"connect\" é\n".as_bytes());
        assert_eq!(said, "client: exit status: 1\n  stderr: Error: no");
        let code = one
            .replace(r#""Error: no\n""#, "Some(0)")
            .replace(r#""Error: cannot \"connect\" \u{e9}\n""#, "Some(1)")
            .replace("stderr of a client without a server", "the exit code");
        let (failure, _) = failed(&code, "").expect("a test fails");
        assert_eq!(
            failure.summary,
            "1 of 3 tests fails: sum::words: the exit code (expected 1, got 0; in Rust labnet::fail ends \
             nothing without `return` before it)."
        );
        assert!(failure.diff.is_none());
        // Other numbers are no exit codes.
        let count = code.replace("Some(0)", "0").replace("Some(1)", "1");
        let (failure, _) = failed(&count, "").expect("a test fails");
        assert!(failure.summary.ends_with("(expected 1, got 0)."));
        // Played alone, it is not one of one.
        let (failure, _) = failed(&code, PARTS[0]).expect("a test fails");
        assert_eq!(
            failure.summary,
            "The two programs do not work together, so the other tests were not played. \
             What fails is sum::words: the exit code (expected 1, got 0; in Rust labnet::fail ends \
             nothing without `return` before it)."
        );
    }

    #[test]
    fn tests_that_did_not_run_say_nothing_about_the_program() {
        assert!(failed("", "").is_none());
        assert!(failed("test a ... ok\n", "").is_none());
    }
}
