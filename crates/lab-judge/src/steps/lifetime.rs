//! How a program under test ends, or is started again.

use super::at_rest;
use crate::harness::Harness;
use crate::misconceptions::{self as m};
use crate::peers::tcp::Connection;
use crate::process::Ended;
use crate::procfs;
use crate::verdict::{Step, Stop, wrong};
use std::time::{Duration, Instant};

/// How long a program has to end by itself before it is asked whether it continues.
const SETTLES: Duration = Duration::from_millis(150);

/// Kills a server in the middle of a conversation, and
/// starts it again: the port has to be free for it.
pub fn restart(
    harness: &mut Harness<'_>,
    mut talk: impl FnMut(&mut Harness<'_>, &mut Connection) -> Step,
) -> Step {
    let mut client = harness.serve()?;
    talk(harness, &mut client)?;
    // The server's system closes first, so its side stays
    // in TIME_WAIT and holds the port without SO_REUSEADDR.
    harness.program()?.kill();
    client.read_to_end(1024);
    client.close();
    harness.restart()?;
    let mut client = match harness.connect() {
        Ok(client) => client,
        Err(Stop::Wrong(failure)) => {
            return Err(wrong(
                &m::NO_REUSEADDR,
                format!("Started again: {}", lower(&failure.summary)),
            ));
        }
        Err(other) => return Err(other),
    };
    talk(harness, &mut client)
}

fn lower(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}

/// The client under test has to end, and to say by its exit code that it failed.
pub fn ends_with_failure(harness: &mut Harness<'_>, after: &str) -> Step {
    match harness.ends(after)? {
        Ended::Code(0) => {
            harness.note(format!(
                "the program ends with exit code 0 {after}: a script cannot tell that it failed"
            ));
            Ok(())
        }
        Ended::Signal(number) if number == 11 || number == 6 => Err(wrong(
            &m::SILENT_FAILURE,
            format!("The program {} {after}.", Ended::Signal(number)),
        )),
        _ => Ok(()),
    }
}

/// Where no server listens a client has to end at once, with an exit code that says so.
pub fn nobody_listens(harness: &mut Harness<'_>, message: &str) -> Step {
    let address = harness.address;
    harness.log.did("nobody", format!("listens on {address}"));
    harness.start(message)?;
    match harness.ends_after_start("although its connection was refused")? {
        Ended::Code(0) => Err(wrong(
            &m::SILENT_FAILURE,
            format!("Nothing listens on {address}, but the program ended with exit code 0."),
        )),
        _ => Ok(()),
    }
}

/// A good end is exit code 0; the sheets do not speak of it.
pub fn note_exit_code(harness: &mut Harness<'_>, ended: Ended) {
    if ended != Ended::Code(0) {
        harness.note(format!(
            "the conversation was fine, but the program {ended}; a good end is exit code 0"
        ));
    }
}

/// Starts a client under test that has to end well by itself.
pub fn ends_well(harness: &mut Harness<'_>, after: &str) -> Step {
    match harness.ends(after)? {
        Ended::Code(0) => Ok(()),
        ended => Err(wrong(
            &m::ENDS_WITH_ERROR,
            format!("The conversation was fine, but then the program {ended}."),
        )),
    }
}

/// A server that a broken connection has ended: whether it is one that ends with every client. One
/// that is started again, and serves a client and then another, is not.
pub fn ended_as_always(
    harness: &mut Harness<'_>,
    mut talk: impl FnMut(&mut Harness<'_>, &mut Connection) -> Step,
) -> Step {
    let Some(ended) = harness.program()?.ended() else {
        return Ok(());
    };
    harness.restart()?;
    let mut client = harness.connect()?;
    talk(harness, &mut client)?;
    client.finish_sending();
    client.read_end();
    client.close();
    match goes_on(harness)? {
        Some(_) => Ok(()),
        None => {
            let mut next = harness.connect()?;
            talk(harness, &mut next)?;
            Err(wrong(
                &m::DIES_ON_RESET,
                format!(
                    "After a client that closed its connection the program served the next one. After one that reset it the \
                     program {ended}."
                ),
            ))
        }
    }
}

/// The sheet's server ends after its first client. One
/// that takes the next does more than it has to: a note.
pub fn ends_or_goes_on(
    harness: &mut Harness<'_>,
    talk: impl FnOnce(&mut Harness<'_>, &mut Connection) -> Step,
) -> Step {
    match goes_on(harness)? {
        Some(Ended::Code(0)) => Ok(()),
        Some(ended) => {
            harness.program()?.drained();
            Err(wrong(
                &m::ENDS_WITH_ERROR,
                format!("The conversation was fine, but then the program {ended}."),
            ))
        }
        None => {
            let next = harness
                .connect()
                .and_then(|mut next| talk(harness, &mut next));
            if next.is_err() {
                return Err(wrong(
                    &m::HANGS,
                    "Its client has left, but the program neither ends nor serves another.",
                ));
            }
            harness
                .note("the server keeps running after its first client; the sheet's ends with it");
            Ok(())
        }
    }
}

/// How a server ended after its client has left; `None` when it waits for another.
fn goes_on(harness: &mut Harness<'_>) -> Step<Option<Ended>> {
    let group = harness.program()?.id();
    let begin = Instant::now();
    loop {
        if let Some(ended) = harness.program()?.wait(Duration::from_millis(20)) {
            return Ok(Some(ended));
        }
        // One that still listens when it has come to rest waits for the next client, or for
        // something that does not come.
        if begin.elapsed() >= SETTLES
            && !procfs::listening("tcp", group).is_empty()
            && !procfs::is_busy(group)
        {
            return Ok(harness.program()?.ended());
        }
        if begin.elapsed() >= harness.patience().max(SETTLES) {
            at_rest(harness)?;
            return Ok(harness.program()?.ended());
        }
    }
}
