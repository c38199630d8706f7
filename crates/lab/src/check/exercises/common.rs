//! What many exercises ask for, whatever their protocol: rest, restart, 200 clients in turn, a clear end.

use std::thread;
use std::time::{Duration, Instant};

use crate::kernel;
use crate::misconceptions::{self as m, Misconception};
use crate::peers::tcp::{Connection, Heard, HeardEnd, find};
use crate::process::Ended;
use crate::stage::Stage;
use crate::verdict::{Step, Stop, What, differs, wrong};

/// A descriptor or two more are a library's own; one for each client are a leak.
const DESCRIPTORS_SPARE: usize = 16;
/// How long a program is watched at rest.
const REST: Duration = Duration::from_millis(250);

/// Cuts bytes at these places.
pub fn cut<'b>(bytes: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for &to in cuts.iter().filter(|to| **to > 0 && **to < bytes.len()) {
        pieces.push(&bytes[from..to]);
        from = to;
    }
    pieces.push(&bytes[from..]);
    pieces
}

/// The program has to close the connection, after all that it sent was right.
pub fn must_close(stage: &mut Stage<'_>, end: &Heard) -> Step {
    match end.end {
        HeardEnd::Closed if end.bytes.is_empty() => Ok(()),
        HeardEnd::Silence => {
            stage.log.add(
                "client 1",
                What::Awaited("the end of the connection".into(), stage.patience()),
            );
            // A busy loop is the more telling sign.
            at_rest(stage)?;
            Err(wrong(
                &m::NEVER_CLOSES,
                format!(
                    "The connection is over, but the program did not close it within {} seconds.",
                    stage.patience().as_secs_f64()
                ),
            ))
        }
        HeardEnd::Reset => Err(wrong(
            &m::CLOSES_EARLY,
            "The program broke the connection off (RST) instead of closing it: what was on its way may be lost.",
        )),
        _ => Err(differs(
            &m::EXTRA_BYTES,
            format!("After the answer {} more bytes came.", end.bytes.len()),
            b"",
            &end.bytes,
        )),
    }
}

/// Serves many clients one after another; descriptors that pile up are a leak.
pub fn many(
    stage: &mut Stage<'_>,
    count: usize,
    mut talk: impl FnMut(&mut Stage<'_>, &mut Connection) -> Step,
) -> Step {
    let mut before = None;
    for number in 0..count {
        let mut client = if number == 0 {
            stage.serve()?
        } else {
            stage.connect()?
        };
        talk(stage, &mut client)?;
        client.finish_sending();
        client.hear_end(1024);
        if number == 2 {
            before = descriptors(stage)?;
        }
    }
    let Some(before) = before else {
        stage.note("this system does not tell how many descriptors a program has open, so a leak was not looked for");
        return Ok(());
    };
    // The last client's socket may be about to be closed: a count that falls in time is no leak.
    let deadline = stage.step_deadline();
    loop {
        let now = descriptors(stage)?.unwrap_or(0);
        if now <= before + DESCRIPTORS_SPARE {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(wrong(
                &m::LEAKS,
                format!(
                    "After {count} clients that have left the program has {now} open descriptors, after three it had {before}."
                ),
            ));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn descriptors(stage: &mut Stage<'_>) -> Step<Option<usize>> {
    Ok(kernel::descriptors(stage.program()?.id()))
}

/// Watches a program for which there is nothing to do.
///
/// A thread in a busy loop runs or waits for a processor all the time, whatever else the machine does; one that
/// waits in recv does neither. So the two are told apart under any load.
pub fn at_rest(stage: &mut Stage<'_>) -> Step {
    let id = stage.program()?.id();
    if kernel::busy(id).is_none() {
        stage.note(
            "this system does not tell how busy a program is, so a busy loop was not looked for",
        );
        return Ok(());
    }
    // What there was to do is done after a while: a program that comes to rest at all has done it.
    let deadline = stage.step_deadline().max(Instant::now() + 4 * REST);
    loop {
        let (from, before) = (Instant::now(), kernel::busy(id).unwrap_or_default());
        thread::sleep(REST);
        let busy = kernel::busy(id).unwrap_or_default().saturating_sub(before);
        let watched = from.elapsed();
        if busy * 5 < watched {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(wrong(
                &m::SPINS,
                format!(
                    "There is nothing to do, but in {} ms the program ran (or was ready to run) for {} ms.",
                    watched.as_millis(),
                    busy.as_millis()
                ),
            ));
        }
    }
}

/// Kills a server in the middle of a conversation, and starts it again: the port has to be free for it.
pub fn restart(
    stage: &mut Stage<'_>,
    mut talk: impl FnMut(&mut Stage<'_>, &mut Connection) -> Step,
) -> Step {
    let mut client = stage.serve()?;
    talk(stage, &mut client)?;
    // The server's system closes first, so its side stays in TIME_WAIT and holds the port without SO_REUSEADDR.
    stage.program()?.kill();
    client.hear_end(1024);
    client.close();
    stage.restart()?;
    let mut client = match stage.connect() {
        Ok(client) => client,
        Err(Stop::Wrong(failure)) => {
            return Err(wrong(
                &m::NO_REUSEADDR,
                format!("Started again: {}", lower(&failure.summary)),
            ));
        }
        Err(other) => return Err(other),
    };
    talk(stage, &mut client)
}

fn lower(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}

/// The client under test has to end, and to say by its exit code that it failed.
pub fn ends_with_failure(stage: &mut Stage<'_>, after: &str) -> Step {
    match stage.ends(after)? {
        Ended::Code(0) => {
            stage.note(format!(
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

/// Where nobody listens a client has to end at once, with an exit code that says so.
pub fn nobody_listens(stage: &mut Stage<'_>, message: &str) -> Step {
    let address = stage.address;
    stage.log.did("nobody", format!("listens on {address}"));
    stage.start(message)?;
    match stage.ends("although its connection was refused")? {
        Ended::Code(0) => Err(wrong(
            &m::SILENT_FAILURE,
            format!("Nothing listens on {address}, but the program ended with exit code 0."),
        )),
        _ => Ok(()),
    }
}

/// The program under test has to print a text that was sent to it, in these pieces.
pub fn must_print(
    stage: &mut Stage<'_>,
    text: &[u8],
    cuts: &[usize],
    suspect: &'static Misconception,
) -> Step {
    let mut step = stage.limit().step();
    let patience = stage.patience();
    let program = stage.program()?;
    loop {
        if program.prints(text, Instant::now() + step.tick()) {
            return Ok(());
        }
        // Waited for, since a program that has closed its stdout may go on.
        if program.wait(Duration::from_millis(1)).is_some() || step.is_over() {
            break;
        }
    }
    let ended = program.ended();
    if ended.is_some() {
        program.drained();
        if program.prints(text, Instant::now()) {
            return Ok(());
        }
    }
    let printed = program.stdout();
    let all = [printed.head, printed.tail].concat();
    let ending = match ended {
        Some(ended) => format!("and the program {ended}"),
        None => format!("within {} seconds", patience.as_secs_f64()),
    };
    // The longest beginning of the text that was printed, at the end of which the text was cut.
    let first = cuts
        .iter()
        .copied()
        .find(|cut| *cut > 0 && *cut < text.len());
    if let Some(first) = first
        && find(&all, &text[..first]).is_some()
        && text.is_ascii()
    {
        return Err(differs(
            &m::ONE_RECV,
            format!(
                "Of an answer of {} bytes only the first piece was printed: this takes one recv for one message.",
                text.len()
            ),
            text,
            &all,
        ));
    }
    Err(differs(
        suspect,
        format!(
            "The answer of {} bytes was not printed whole, {ending}.",
            text.len()
        ),
        text,
        &all,
    ))
}

/// A good end is exit code 0; the sheets do not speak of it.
pub fn note_exit_code(stage: &mut Stage<'_>, ended: Ended) {
    if ended != Ended::Code(0) {
        stage.note(format!(
            "the conversation was fine, but the program {ended}; a good end is exit code 0"
        ));
    }
}
