//! The tests of a hand-out's exercise: the last case of a check of our own programs.
//!
//! So the check and the tests have one goal: programs that pass every case pass the tests. They are
//! played when all other cases pass, since those say better what is wrong. The whole workspace
//! holds the tests of every exercise, and has no such case.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Context;
use lab_core::catalog::Catalog;
use lab_core::process::{self, Stream};
use lab_judge::exercise::{Exercise, Role};
use lab_judge::misconceptions as m;
use lab_judge::run::{Plan, SharedReport};
use lab_judge::verdict::{CaseReport, Diff, Excerpt, Failure, Outcome, ProgramReport};
use labnet::{lock, log};

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
/// How often a run of the tests is asked whether it is still wanted.
const PERIOD: Duration = Duration::from_millis(200);
/// So many pieces of what the tests print may wait to be read.
const WAITING_PIECES: usize = 64;

/// The case before it is played; none where it does not belong to this check.
pub fn not_played(exercise: &'static Exercise, sides: &Sides, plan: &Plan) -> Option<CaseReport> {
    let asked_for = plan.only.iter().any(|only| only == ID);
    let wanted = asked_for || (plan.only.is_empty() && sides.len() == exercise.roles.len());
    let role = role(exercise, sides).filter(|_| wanted)?;
    Some(CaseReport {
        role: role.kind.name(),
        id: ID,
        name: NAME,
        asked: None,
        outcome: Outcome::Undecided("it was not played".to_string()),
        events: Vec::new(),
        programs: Vec::new(),
        only_the_port: false,
        notes: Vec::new(),
        elapsed: Duration::ZERO,
    })
}

/// The side that the case is told with: the last one, in a hand-out with one exercise's tests.
pub fn role(exercise: &'static Exercise, sides: &Sides) -> Option<&'static Role> {
    let role = exercise.roles.last()?;
    let own = sides.iter().all(|(_, command)| command == "rust");
    if !own || !sides.iter().any(|(side, _)| side.kind == role.kind) {
        return None;
    }
    let tests = fs::read_dir(workspace::root().join("tests/tests/exercises")).ok()?;
    let main = |name: &std::ffi::OsString| name == "main.rs";
    let names = tests.flatten().map(|entry| entry.file_name());
    if names.filter(|name| !main(name)).count() != 1 {
        return None;
    }
    // A server and a client may have a check each: the last one has the tests of both.
    let catalog = Catalog::read().ok()?;
    let exercises = catalog.sheets.iter().flat_map(|sheet| &sheet.exercises);
    let last = exercises.flat_map(|exercise| &exercise.programs).last()?;
    (last.package == role.package).then_some(role)
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
        log!("playing the tests of the exercise, which are built first …");
        for some in PARTS {
            told = outcome(some, until)?;
            if !matches!(told.0, Outcome::Passed) {
                break;
            }
        }
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

/// Runs the tests with this in their names, and says how that ended.
fn outcome(some: &str, until: Instant) -> anyhow::Result<(Outcome, Vec<ProgramReport>)> {
    let mut command = lab_core::cargo::command();
    command.args(["test", "--package", "tests", "--test", "exercises", some]);
    command.current_dir(workspace::root()).stdin(Stdio::null());
    command.env("RUST_BACKTRACE", "0");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut cargo = process::start_group(&mut command).context("cannot start cargo")?;
    let (sender, events) = sync_channel(WAITING_PIECES);
    cargo.listen((), &sender);
    drop(sender);
    let (mut printed, mut errors) = (Vec::new(), Vec::new());
    loop {
        match events.recv_timeout(PERIOD) {
            Ok(event) => match event.stream {
                Stream::Stdout => printed.extend(event.bytes.unwrap_or_default()),
                Stream::Stderr => errors.extend(event.bytes.unwrap_or_default()),
            },
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        // Dropped, it is killed with all that it has started.
        if !lab_judge::process::may_start() {
            return Ok((Outcome::Undecided("it was stopped".to_string()), Vec::new()));
        }
        if Instant::now() >= until {
            let why = "the time for the whole check had passed: --limit gives it more";
            return Ok((Outcome::Undecided(why.to_string()), Vec::new()));
        }
    }
    let passed = cargo.end()?.success();
    let text = String::from_utf8_lossy(&printed);
    Ok(match (passed, failed(&text)) {
        (true, _) => (Outcome::Passed, Vec::new()),
        (false, Some((failure, said))) => {
            let said = ProgramReport {
                ended: None,
                stdout: Excerpt::of(said.as_bytes()),
                stderr: Excerpt::of(b""),
            };
            (Outcome::Failed(Box::new(failure)), vec![said])
        }
        (false, None) => {
            let errors = String::from_utf8_lossy(&errors);
            let line = errors.lines().find(|line| line.starts_with("error"));
            let why = format!(
                "the tests could not be run: {}; cargo test -p tests --test exercises shows why",
                line.unwrap_or("cargo does not say why")
            );
            (Outcome::Undecided(why), Vec::new())
        }
    })
}

/// What libtest says about failed tests: the first one, and what its programs said.
fn failed(text: &str) -> Option<(Failure, String)> {
    let mut results = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, result)) = line
            .strip_prefix("test ")
            .and_then(|l| l.split_once(" ... "))
        {
            results.insert(name, result.starts_with("FAILED"));
        }
    }
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
        (Some((received, expected)), None) => format!(" (expected {expected}, got {received})"),
        _ => String::new(),
    };
    let then = match others {
        [] => String::new(),
        others => format!(" Then come {}.", others.join(", ")),
    };
    let failure = Failure {
        misconception: &m::FAILS_TESTS,
        summary: format!(
            "{} of {} tests fail. The first is {first}{what}{short}.{then}",
            wrong.len(),
            results.len()
        ),
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
        let (failure, said) = failed(FAILED).expect("a test fails");
        // In the order of their names, as libtest lists them.
        assert_eq!(
            failure.summary,
            "2 of 3 tests fail. The first is sum::other. Then come sum::words."
        );
        assert_eq!(said, "other");
        let one = FAILED.replace("sum::other ... FAILED", "sum::other ... ok");
        let (failure, said) = failed(&one).expect("a test fails");
        assert_eq!(
            failure.summary,
            "1 of 3 tests fail. The first is sum::words: stderr of a client without a server."
        );
        let diff = failure.diff.expect("both texts are there");
        assert_eq!(diff.received, b"Error: no\n");
        assert_eq!(diff.expected, "Error: cannot \"connect\" é\n".as_bytes());
        assert_eq!(said, "client: exit status: 1\n  stderr: Error: no");
        let code = one
            .replace(r#""Error: no\n""#, "Some(0)")
            .replace(r#""Error: cannot \"connect\" \u{e9}\n""#, "Some(1)")
            .replace("stderr of a client without a server", "the exit code");
        let (failure, _) = failed(&code).expect("a test fails");
        assert_eq!(
            failure.summary,
            "1 of 3 tests fail. The first is sum::words: the exit code (expected Some(1), got Some(0))."
        );
        assert!(failure.diff.is_none());
    }

    #[test]
    fn tests_that_did_not_run_say_nothing_about_the_program() {
        assert!(failed("").is_none());
        assert!(failed("test a ... ok\n").is_none());
    }
}
