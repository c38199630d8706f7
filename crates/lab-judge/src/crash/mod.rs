//! A program that crashed: what it said of that at its end, and what that makes of a failure.
//!
//! | module | holds |
//! |---|---|
//! | [`read`](mod@read) | finds the crash in what a program printed, in the form of its language |

mod read;

use crate::exercise::Kind as Side;
use crate::harness::Harness;
use crate::misconceptions::{self as m, Misconception};
use crate::process::{Ended, Running};
use crate::verdict::{Failure, Step, Stop};
use read::{Crash, Kind, read};
use std::time::Duration;

/// How long a program that has printed its traceback may take until it has ended.
const ENDS: Duration = Duration::from_secs(2);

/// Looks for a crash of the program that was started last, and tells it first.
///
/// Gives the failure with its true cause, or why nothing can be said about the program.
pub fn explain(harness: &mut Harness<'_>, failure: Box<Failure>, side: Side) -> Stop {
    let Ok(program) = harness.program() else {
        return Stop::Wrong(failure);
    };
    let mut ended = program.ended();
    // Its connection ends a little before the program does.
    let crashing = |crash: Crash| !crash.thread && !crash.caught;
    if ended.is_none() && said(program, Some(Ended::Code(1))).is_some_and(crashing) {
        ended = program.wait(ENDS);
    }
    if ended.is_some() {
        program.drained();
    }
    match said(program, ended) {
        Some(crash) => told(failure, &crash, side),
        None => Stop::Wrong(failure),
    }
}

/// Whether the program that was started last has ended with an error that it has not caught.
pub fn crashed(harness: &mut Harness<'_>) -> Step<bool> {
    let program = harness.program()?;
    let ended = program.ended();
    Ok(said(program, ended).is_some_and(|crash| !crash.caught && !crash.thread))
}

fn said(program: &Running, ended: Option<Ended>) -> Option<Crash> {
    let (stdout, stderr) = (program.stdout().kept(), program.stderr().kept());
    read(
        ended,
        &String::from_utf8_lossy(&stdout),
        &String::from_utf8_lossy(&stderr),
    )
}

/// The failure with the crash before it.
fn told(mut failure: Box<Failure>, crash: &Crash, side: Side) -> Stop {
    let suspect = failure.misconception;
    let never_met = suspect.says_never_met();
    failure.misconception = match crash.kind {
        Kind::NoFile => {
            return Stop::Undecided(format!(
                "the command names a program that is not there ({}); look at its path, seen from the folder in which it runs",
                crash.line
            ));
        }
        Kind::Syntax => &m::SYNTAX_ERROR,
        Kind::NotWritten => &m::NOT_WRITTEN,
        Kind::NoModule => &m::MISSING_MODULE,
        Kind::Refused if never_met && side != Side::Server => &m::REFUSED,
        Kind::NotBound if never_met => &m::CANNOT_BIND,
        // The program has dealt with it, and ended in its own way.
        _ if crash.caught => return Stop::Wrong(failure),
        _ if explains(suspect, crash) => suspect,
        _ if suspect.id == m::ENDS_WITH_ERROR.id => &m::CRASHES_AFTER,
        Kind::Mistake => &m::CRASHES,
        _ if suspect.is_vague() => &m::CRASHES,
        // What the peer did in this case brings this error about, and the case knows its name.
        _ if crash.thread => return Stop::Wrong(failure),
        _ => suspect,
    };
    failure.summary = match crash.kind {
        // What the program does on the network has not been tried.
        Kind::NotWritten => not_written(crash),
        _ => format!(
            "{} {}",
            sentence(crash, failure.misconception),
            failure.summary
        ),
    };
    Stop::Wrong(failure)
}

/// What a starter says where it is not written: `not yet implemented: write steps 1 to 4`. The
/// student may have written some of these steps, and left the line as it was.
fn not_written(crash: &Crash) -> String {
    let (before, steps) = crash.line.rsplit_once("write ").unwrap_or_default();
    let line = match before.starts_with("NotImplementedError") {
        true => format!("raise NotImplementedError(\"write {steps}\")"),
        false => format!("todo!(\"write {steps}\")"),
    };
    let place = crash.place.iter().map(|place| format!(": {place}"));
    format!(
        "The program has come to its line {line}{}. The code above that line has run.",
        place.collect::<String>()
    )
}

/// Whether a mistake that the case suspects is the reason for this very error.
fn explains(suspect: &Misconception, crash: &Crash) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| crash.line.contains(word));
    match suspect.id {
        // The sheets' own except has an error in itself.
        id if id == m::SOCKET_NOT_CAUGHT.id || id == m::RESOLVER_NOT_CAUGHT.id => true,
        id if id == m::NEVER_CONNECTS.id => has(&["not connected", "NotYetConnected"]),
        // The end of a conversation, taken for a failure.
        id if id == m::ENDS_WITH_ERROR.id => has(&[
            "ConnectionError",
            "ConnectionReset",
            "ConnectionAborted",
            "BrokenPipe",
            "EOFE",
        ]),
        _ => false,
    }
}

/// What comes before the words about what was seen.
fn sentence(crash: &Crash, mistake: &Misconception) -> String {
    let begin = match crash.kind {
        Kind::Syntax => "The program cannot be run",
        _ if crash.caught => "The program says",
        _ if crash.thread => "A thread of the program crashed",
        _ if [m::CRASHES_AFTER.id, m::ENDS_WITH_ERROR.id].contains(&mistake.id) => {
            "After its work the program crashed"
        }
        _ => "The program crashed",
    };
    let line = crash.line.trim_end_matches('.');
    match &crash.place {
        Some(place) => format!("{begin}: {line} ({place})."),
        None => format!("{begin}: {line}."),
    }
}

#[cfg(test)]
mod tests;
