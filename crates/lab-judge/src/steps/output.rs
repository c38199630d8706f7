//! What a program under test has to print.

use crate::harness::Harness;
use crate::limit::seconds;
use crate::misconceptions::{self as m, Misconception};
use crate::peers::tcp::{Connection, find};
use crate::process::{Running, plain};
use crate::verdict::{Step, Stop, differs, wrong};
use std::time::{Duration, Instant};

/// The program under test has to print a text that was sent to it, in these pieces.
pub fn must_print(
    harness: &mut Harness<'_>,
    text: &[u8],
    cuts: &[usize],
    suspect: &'static Misconception,
) -> Step {
    let mut step = harness.limit().step();
    let patience = harness.patience();
    let program = harness.program()?;
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
    let all = program.printed();
    let nearest = nearest(&all, text);
    let ending = match ended {
        Some(ended) => format!("and the program {ended}"),
        None if harness.limit().waits() => "and the program waits for something else".to_string(),
        None => format!("within {}", seconds(patience)),
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
                "Of an answer of {} bytes only the first piece was printed: this treats one recv as one message.",
                text.len()
            ),
            text,
            nearest,
        ));
    }
    Err(differs(
        suspect,
        format!(
            "The answer of {} bytes was not printed whole, {ending}.",
            text.len()
        ),
        text,
        nearest,
    ))
}

/// Waits until what the program has printed meets a condition; gives what it had printed then,
/// `None` when that does not come.
pub fn prints(
    harness: &mut Harness<'_>,
    condition: impl Fn(&[u8]) -> bool,
) -> Step<Option<Vec<u8>>> {
    let mut step = harness.limit().step();
    let program = harness.program()?;
    loop {
        // Asked first: what it printed before its end is there afterwards. And waited for, since a
        // program that has closed its stdout may go on.
        let ended = program.wait(Duration::from_millis(1)).is_some();
        if ended {
            program.drained();
        }
        let deadline = Instant::now() + step.tick();
        if program.prints_such(deadline, &condition) {
            return Ok(Some(program.printed()));
        }
        if ended || step.is_over() {
            return Ok(None);
        }
    }
}

/// What was printed from the place on that is most like the text: where the longest beginning of it
/// stands, the last time. All of it where there is none.
fn nearest<'p>(printed: &'p [u8], text: &[u8]) -> &'p [u8] {
    // Where a beginning stands, every shorter one does.
    let lengths: Vec<usize> = (1..=text.len()).collect();
    let longest = lengths.partition_point(|length| find(printed, &text[..*length]).is_some());
    match memchr::memmem::rfind(printed, &text[..longest]) {
        Some(at) if longest > 0 => &printed[at..],
        _ => printed,
    }
}

/// The client under test has to print an answer as soon
/// as it has come: while the connection continues.
pub fn must_print_now(
    harness: &mut Harness<'_>,
    server: &mut Connection,
    text: &[u8],
    suspect: &'static Misconception,
) -> Step {
    let printed = must_print(harness, text, &[], suspect);
    let Err(Stop::Wrong(failure)) = printed else {
        return printed;
    };
    if harness.program()?.ended().is_some() {
        return Err(Stop::Wrong(failure));
    }
    // What it waits for shows in what it does when that comes. One that has ended its own direction
    // may wait for it: the sheets' servers close the connection then.
    let may_wait = server.other_side_has_ended();
    server.finish_sending();
    match must_print(harness, text, &[], suspect) {
        Ok(()) if may_wait => Ok(()),
        Ok(()) => Err(wrong(
            &m::WAITS_FOR_END,
            format!(
                "The answer of {} bytes was printed only when the server had closed the connection: until then the program only waited.",
                text.len()
            ),
        )),
        Err(_) => Err(Stop::Wrong(failure)),
    }
}

/// A program that has printed a text and ended has printed nothing of its buffer behind it. NUL is
/// what an unused buffer holds; some languages print it as an escape.
pub fn must_print_what_came(harness: &mut Harness<'_>, text: &[u8]) -> Step {
    /// One NUL may be the end of a C string, and is another mistake.
    const MANY: usize = 4;
    let printed = harness.program()?.printed();
    let behind = find(&printed, text).map_or(&b""[..], |at| &printed[at + text.len()..]);
    let escapes: [&[u8]; 4] = [b"\0", br"\x00", br"\0", br"\u{0}"];
    if escapes
        .iter()
        .any(|nul| behind.starts_with(&nul.repeat(MANY)))
    {
        return Err(differs(
            &m::WHOLE_BUFFER,
            format!(
                "The answer of {} bytes was printed with the rest of the buffer behind it.",
                text.len()
            ),
            text,
            &printed[printed.len() - behind.len() - text.len()..],
        ));
    }
    Ok(())
}

/// The program has to print a text; a program that
/// prints each piece on its own line does so as well.
pub fn must_print_joined(
    harness: &mut Harness<'_>,
    text: &[u8],
    cuts: &[usize],
    suspect: &'static Misconception,
) -> Step {
    let mut step = harness.limit().step();
    let program = harness.program()?;
    loop {
        if has_joined(program, text) {
            return Ok(());
        }
        if program.wait(step.tick()).is_some() || step.is_over() {
            break;
        }
    }
    program.drained();
    if has_joined(program, text) {
        return Ok(());
    }
    must_print(harness, text, cuts, suspect)
}

/// Whether a program has printed a text, on however many lines.
fn has_joined(program: &Running, text: &[u8]) -> bool {
    let printed = program.printed();
    let joined: Vec<u8> = plain(&printed)
        .iter()
        .copied()
        .filter(|byte| !b"\r\n".contains(byte))
        .collect();
    find(&joined, text).is_some()
}

/// A program that has ended printed a text in pieces, each with its own words around it: the
/// letters of the text come in its output in their order.
pub fn has_printed_pieces(
    harness: &mut Harness<'_>,
    text: &[u8],
    suspect: &'static Misconception,
) -> Step {
    let shown = plain(&harness.program()?.printed()).into_owned();
    let mut rest = shown.iter();
    if text.iter().all(|byte| rest.any(|printed| printed == byte)) {
        return Ok(());
    }
    let (pieces, shown_of_it) = pieces_of(&shown, text);
    if pieces > 1 {
        return Err(differs(
            &m::STOPS_SHORT,
            format!(
                "Of the {} bytes of the echo {shown_of_it} were printed, in {pieces} pieces: then it read no more.",
                text.len()
            ),
            text,
            &shown,
        ));
    }
    Err(differs(
        suspect,
        format!(
            "Not all of the {} bytes of the echo were printed.",
            text.len()
        ),
        text,
        &shown,
    ))
}

/// In how many pieces the beginning of a text was printed, one after another, and how many bytes
/// that are. A short piece may be there by chance.
fn pieces_of(printed: &[u8], text: &[u8]) -> (usize, usize) {
    const SHORT: usize = 4;
    let (mut count, mut done, mut rest) = (0, 0, printed);
    loop {
        let left = &text[done..];
        let lengths: Vec<usize> = (1..=left.len()).collect();
        let longest = lengths.partition_point(|length| find(rest, &left[..*length]).is_some());
        let Some(at) = find(rest, &left[..longest]).filter(|_| longest >= SHORT) else {
            return (count, done);
        };
        (count, done, rest) = (count + 1, done + longest, &rest[at + longest..]);
    }
}

#[cfg(test)]
mod tests {
    use super::pieces_of;

    #[test]
    fn pieces_of_a_text_are_found_between_other_words() {
        let text = b"Test message. This will be echoed";
        let two = b"Received: Test message. Th\nReceived: is will be echoe\nClosing\n";
        assert_eq!(pieces_of(two, text), (2, 32));
        assert_eq!(
            pieces_of(b"Received: Test message. Th\nClosing", text),
            (1, 16)
        );
        assert_eq!(pieces_of(b"Received: T\nReceived: e\n", text), (0, 0));
        assert_eq!(pieces_of(text, text), (1, 33));
        assert_eq!(pieces_of(b"", text), (0, 0));
    }
}
