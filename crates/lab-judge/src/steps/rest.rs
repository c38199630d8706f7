//! Many clients, sockets that are not closed, and busy loops.

use crate::harness::Harness;
use crate::limit::LOOPS;
use crate::misconceptions::{self as m, Misconception};
use crate::peers::tcp::Connection;
use crate::procfs;
use crate::verdict::{Step, Stop, wrong};
use std::thread;
use std::time::Duration;

/// A descriptor or two more are a library's own; one for each client are a leak.
const DESCRIPTORS_SPARE: usize = 16;

/// What [`LOOPS`] is, for a program that may still be
/// starting: its libraries are loaded, its code is compiled.
const STARTS: Duration = Duration::from_secs(2);

/// How long a program is watched at rest.
const REST: Duration = Duration::from_millis(250);

/// Serves many clients one after another; descriptors that pile up are a leak.
pub fn many(
    harness: &mut Harness<'_>,
    count: usize,
    mut talk: impl FnMut(&mut Harness<'_>, &mut Connection) -> Step,
) -> Step {
    let mut before = None;
    for number in 0..count {
        let met = match number {
            0 => harness.serve(),
            _ => harness.connect(),
        };
        let mut client = match met {
            Ok(client) => client,
            Err(stop) => return in_time(harness, number, count, Err(stop)),
        };
        let served = talk(harness, &mut client);
        in_time(harness, number, count, served)?;
        client.close();
        if number == 2 {
            before = descriptors(harness)?;
        }
    }
    closes_each(
        harness,
        before,
        &format!("{count} clients that have left"),
        &m::LEAKS,
    )
}

/// Of many clients this one was met as that step says, so many others before it. A program that is
/// too slow for all of them is no wrong one.
pub fn in_time(harness: &Harness<'_>, before: usize, count: usize, served: Step) -> Step {
    let late = harness.is_over() && before + 1 < count;
    match served {
        Ok(()) if !late => Ok(()),
        Err(stop) if !harness.was_cut_short() => Err(stop),
        other => {
            let served = before + usize::from(other.is_ok());
            Err(Stop::Undecided(format!(
                "{served} of {count} clients were served in the {} of a case",
                harness.case_limit()
            )))
        }
    }
}

/// Sockets that are not closed pile up: after many clients
/// the program has hardly more descriptors than before.
pub fn closes_each(
    harness: &mut Harness<'_>,
    before: Option<usize>,
    after: &str,
    mistake: &'static Misconception,
) -> Step {
    let Some(before) = before else {
        harness.note("this system does not tell how many descriptors a program has open, so a leak was not looked for");
        return Ok(());
    };
    // The last client's socket may be about to be closed: a count that falls in time is not a leak.
    let mut step = harness.limit().step();
    loop {
        let now = descriptors(harness)?.unwrap_or(0);
        if now <= before + DESCRIPTORS_SPARE {
            return Ok(());
        }
        if step.is_over() {
            return Err(wrong(
                mistake,
                format!(
                    "After {after} the program has {now} open descriptors, after three it had {before}."
                ),
            ));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// How many descriptors the program has open, where the system tells.
pub fn descriptors(harness: &mut Harness<'_>) -> Step<Option<usize>> {
    Ok(procfs::descriptors(harness.program()?.id()))
}

/// Watches a program for which there is nothing to do.
///
/// A thread in a busy loop runs or waits for a processor all the time, whatever
/// else the machine does; one that waits in recv does neither. What there was
/// to do is done after a while, so a program that comes to rest at all is
/// right, and one that has run for a while without coming to rest is in a loop.
pub fn at_rest(harness: &mut Harness<'_>) -> Step {
    rests(harness, LOOPS)
}

/// The same for a program that has only just begun to
/// listen: it may still have something to do for its start.
pub fn comes_to_rest(harness: &mut Harness<'_>) -> Step {
    rests(harness, STARTS)
}

/// Watches a program until it rests, or has run for so long on end.
fn rests(harness: &mut Harness<'_>, most: Duration) -> Step {
    if harness.limit().loops() {
        return Err(wrong(
            &m::SPINS,
            "There is nothing to do, but the program runs on and on.",
        ));
    }
    let id = harness.program()?.id();
    let Some(begin) = procfs::cpu_usage(id) else {
        harness.note(
            "this system does not tell how busy a program is, so a busy loop was not looked for",
        );
        return Ok(());
    };
    let mut cpu_usage = begin;
    while let Some((after, is_busy)) = cpu_usage.watch(id, REST) {
        if !is_busy {
            break;
        }
        let ran = after.ran.saturating_sub(begin.ran);
        if ran >= most {
            return Err(wrong(
                &m::SPINS,
                format!(
                    "There is nothing to do, but the program ran for {} ms on end.",
                    ran.as_millis()
                ),
            ));
        }
        if harness.is_over() {
            return Err(Stop::Undecided(
                "the machine is too busy to tell whether the program rests".to_string(),
            ));
        }
        cpu_usage = after;
    }
    Ok(())
}
