//! Talking with a server under test, and meeting a client under test.
//!
//! One file, since both sides hold the same conversation and read its answers alike.

use super::{at_rest, bytes, cut, filler_text};
use crate::harness::Harness;
use crate::limit::seconds;
use crate::misconceptions::{self as m, Misconception};
use crate::peers::tcp::{Connection, ReadEnd, Received, find};
use crate::verdict::{Log, Step, Stop, What, differs, wrong};

/// A beginning this long is no chance likeness, in bytes.
const FEW: usize = 64;
/// A message of these exercises is shorter than this, in bytes.
const MESSAGE_LIMIT: usize = 64 * 1024;

/// The program has to close the connection, after all that it sent was right.
pub fn must_close(harness: &mut Harness<'_>, end: &Received) -> Step {
    match end.end {
        ReadEnd::Closed if end.bytes.is_empty() => Ok(()),
        ReadEnd::Silence => {
            if harness.limit().waits() {
                return Err(wrong(
                    &m::NEVER_CLOSES,
                    "The connection is over, but the program has not closed it: it waits for something else.",
                ));
            }
            harness.log.add(
                "client 1",
                What::Awaited("the end of the connection".into(), harness.patience()),
            );
            // A busy loop is the more telling sign.
            at_rest(harness)?;
            Err(wrong(
                &m::NEVER_CLOSES,
                format!(
                    "The connection is over, but the program did not close it within {}.",
                    seconds(harness.patience())
                ),
            ))
        }
        ReadEnd::Reset => Err(wrong(
            &m::CLOSES_EARLY,
            "The program broke the connection off (RST) instead of closing it: what was on its way may be lost.",
        )),
        _ => Err(differs(
            &m::EXTRA_BYTES,
            format!("After the answer {} more came.", bytes(end.bytes.len())),
            b"",
            &end.bytes,
        )),
    }
}

/// Sends pieces, each apart, and hears the answer to the last byte. The suspect is who did it when
/// there is no better sign.
pub fn exchange(
    harness: &mut Harness<'_>,
    client: &mut Connection,
    pieces: &[&[u8]],
    expected: &[u8],
    suspect: &'static Misconception,
) -> Step {
    let taken = client.send_apart(pieces);
    let received = client.read(expected);
    if received.bytes.is_empty() && received.end != ReadEnd::Complete {
        harness.must_take(taken, suspect)?;
        if suspect.id == m::NO_ANSWER.id && received.end == ReadEnd::Silence {
            what_it_waits_for(harness, client)?;
        }
    }
    expected_was(harness, client, &received, expected, suspect)?;
    let more = client.surplus();
    no_more(client, expected, &more)
}

/// The same, and no byte more comes after the answer: until the program waits for the next message.
pub fn exchange_exactly(
    harness: &mut Harness<'_>,
    client: &mut Connection,
    message: &[u8],
    expected: &[u8],
) -> Step {
    exchange(harness, client, &[message], expected, &m::NO_ANSWER)?;
    let more = client.read_until_idle(MESSAGE_LIMIT);
    no_more(client, expected, &more)
}

/// After an answer that is right nothing else may have come.
fn no_more(client: &Connection, expected: &[u8], more: &[u8]) -> Step {
    if more.is_empty() {
        return Ok(());
    }
    let mistake = match more.iter().all(|byte| *byte == 0) && more.len() > 1 {
        true => &m::WHOLE_BUFFER,
        false if is_left_over(&client.log, expected.len(), more) => &m::OLD_BYTES,
        false => &m::EXTRA_BYTES,
    };
    Err(differs(
        mistake,
        format!("After the answer {} more came.", bytes(more.len())),
        expected,
        &[expected, more].concat(),
    ))
}

/// Whether bytes that came after so many right ones are those that an earlier message had there: a
/// buffer into which a shorter message was read still holds them.
fn is_left_over(log: &Log, at: usize, more: &[u8]) -> bool {
    sent(log).iter().any(|sent| {
        let rest = sent.get(at..).unwrap_or_default();
        let alike = rest.len().min(more.len());
        (alike == more.len() || alike >= FEW) && rest[..alike] == more[..alike]
    })
}

/// Whether an answer that is right up to this place goes on with the end of an earlier message, and
/// then as it should: a buffer into which a shorter message was read still holds that.
fn holds_old_bytes(log: &Log, expected: &[u8], got: &[u8], at: usize) -> bool {
    /// One byte may be there by chance.
    const TWO: usize = 2;
    let rest = &expected[at..];
    let Some(more) = got
        .len()
        .checked_sub(expected.len())
        .filter(|more| *more >= TWO)
    else {
        return false;
    };
    if rest.is_empty() || !got[at + more..].starts_with(rest) {
        return false;
    }
    let old = &got[at..at + more];
    // The last one is the message that this is the answer to.
    let mut earlier = sent(log).into_iter().rev().skip(1);
    earlier.any(|sent| sent.ends_with(old))
}

/// The messages that were sent: of a long one the beginning, as far as it is kept.
fn sent(log: &Log) -> Vec<Vec<u8>> {
    let events = log.events();
    let sent = events.iter().filter_map(|event| match &event.what {
        What::Sent(pieces) => Some(pieces),
        _ => None,
    });
    sent.map(|pieces| pieces.iter().flat_map(|piece| piece.head.clone()).collect())
        .collect()
}

/// A server that read a message and did not answer: what makes it answer says what it waits for.
fn what_it_waits_for(harness: &mut Harness<'_>, client: &mut Connection) -> Step {
    if client.accepted() == Some(false) {
        return Ok(());
    }
    let in_vain = harness.limit().in_vain();
    client.send(b"\n");
    if client.read_some().end == ReadEnd::Complete {
        return Err(wrong(
            &m::WAITS_FOR_LINE,
            format!(
                "The message was read, and nothing came {in_vain}. An answer came when a line end was sent after it."
            ),
        ));
    }
    client.finish_sending();
    if client.read_some().end == ReadEnd::Complete {
        return Err(wrong(
            &m::WAITS_FOR_END,
            format!(
                "The message was read, and nothing came {in_vain}. An answer came when the client had ended its direction."
            ),
        ));
    }
    Ok(())
}

/// Judges what was received where exactly these bytes should have come.
pub fn expected_was(
    harness: &mut Harness<'_>,
    client: &Connection,
    received: &Received,
    expected: &[u8],
    suspect: &'static Misconception,
) -> Step {
    if received.end == ReadEnd::Complete {
        return Ok(());
    }
    let got = received.bytes.as_slice();
    let at = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    let plain = suspect.id == m::NO_ANSWER.id;
    let ending = harness.ending(received.end);
    let (mistake, summary) = match received.end {
        ReadEnd::Silence if got.is_empty() && plain && client.accepted() == Some(false) => (
            &m::NEVER_ACCEPTS,
            format!("The client is connected, but was never accepted: no answer came, {ending}."),
        ),
        ReadEnd::Closed | ReadEnd::Reset if got.is_empty() && plain => {
            (&m::CLOSES_EARLY, format!("No answer came, {ending}."))
        }
        ReadEnd::Differs if find(got, expected).is_some() => (
            &m::EXTRA_BYTES,
            format!(
                "Before this answer {} came that nobody asked for.",
                bytes(find(got, expected).unwrap_or(0))
            ),
        ),
        ReadEnd::Differs if pads(&got[at..]) => (
            &m::WHOLE_BUFFER,
            format!("After {} of the answer bytes of value 0 came.", bytes(at)),
        ),
        ReadEnd::Differs if holds_old_bytes(&client.log, expected, got, at) => (
            &m::OLD_BYTES,
            format!("From byte {at} on the answer has the end of an earlier message."),
        ),
        ReadEnd::Differs if !suspect.changes_bytes() => (
            &m::WRONG_ANSWER,
            format!("The answer differs from byte {at} on."),
        ),
        ReadEnd::Differs => (suspect, format!("The answer differs from byte {at} on.")),
        _ if got.is_empty() => (suspect, format!("No answer came, {ending}.")),
        _ if stops_at_nul(expected, got) && doubts(suspect) => (
            &m::STOPS_AT_NUL,
            format!(
                "The answer stops before the first byte of value 0: {at} of {} bytes came, {ending}.",
                expected.len()
            ),
        ),
        _ if stops_short(expected, got) && doubts(suspect) => (
            &m::SMALL_BUFFER,
            format!(
                "The answer is right as far as it goes: {at} of {} bytes came, {ending}.",
                expected.len()
            ),
        ),
        _ => (
            suspect,
            format!(
                "{at} of {} bytes of the answer came, {ending}.",
                expected.len()
            ),
        ),
    };
    Err(differs(mistake, summary, expected, got))
}

/// Whether the suspicion is about what is in the bytes, or
/// how many there are: then an answer that stops says more.
fn doubts(suspect: &Misconception) -> bool {
    [m::MANGLES_BINARY.id, m::FULL_BUFFER.id, m::NO_ANSWER.id].contains(&suspect.id)
}

/// Whether these are the first bytes of the answer, and nothing at the place where they stop
/// explains it but a buffer: no line end before it, and no NUL or half a character behind it.
pub(super) fn stops_short(expected: &[u8], got: &[u8]) -> bool {
    let next = expected.get(got.len());
    !got.is_empty()
        && expected.starts_with(got)
        && !got.ends_with(b"\n")
        && !next.is_some_and(|next| [0, b'\r', b'\n', 0x80].contains(next))
}

/// Whether these are all bytes of the answer before the first one of value 0.
pub(super) fn stops_at_nul(expected: &[u8], got: &[u8]) -> bool {
    expected.starts_with(got)
        && memchr::memchr(0, got).is_none()
        && expected.get(got.len()) == Some(&0)
}

/// Whether an answer goes wrong with bytes of value 0, as the rest of a buffer has them.
fn pads(rest: &[u8]) -> bool {
    rest.len() >= 8 && rest[..8].iter().all(|byte| *byte == 0)
}

/// Of a server that failed with messages as long as a buffer: whether a full buffer misleads it, or
/// it has no room for more. One that waits for more answers as soon as a piece does not fill its
/// buffer; one that has no room does not.
pub fn full_or_limited(
    harness: &mut Harness<'_>,
    exact: Step,
    longer: impl FnOnce(&mut Harness<'_>, &mut Connection, &str) -> Step,
) -> Step {
    const LONGER: usize = 4196;
    let Err(Stop::Wrong(mut failure)) = exact else {
        return exact;
    };
    let text = filler_text(harness, LONGER);
    let longer = harness
        .connect()
        .and_then(|mut next| longer(harness, &mut next, &text));
    if let Err(Stop::Wrong(longer)) = longer
        && longer.misconception.id == m::FIXED_LIMIT.id
        && failure.misconception.id == m::FULL_BUFFER.id
    {
        failure.misconception = &m::FIXED_LIMIT;
        failure.summary.push_str(&format!(
            " A text of {LONGER} bytes, which fills no buffer exactly, gets no right answer either."
        ));
    }
    Err(Stop::Wrong(failure))
}

/// A further client is served, after something was done to the one before it.
pub fn still_serves(
    harness: &mut Harness<'_>,
    suspect: &'static Misconception,
    talk: impl FnOnce(&mut Harness<'_>, &mut Connection) -> Step,
) -> Step {
    let served = harness
        .connect()
        .and_then(|mut next| talk(harness, &mut next));
    let Err(Stop::Wrong(failure)) = served else {
        return served;
    };
    if let Err(Stop::Wrong(_)) = at_rest(harness) {
        return Err(wrong(
            &m::SPINS,
            "The next client was not served: the program has not come back from the one before it, and runs all the time.",
        ));
    }
    // One that answers, and answers wrongly, has not died: what came says more.
    let answered = [m::OLD_BYTES.id, m::EXTRA_BYTES.id, m::WHOLE_BUFFER.id];
    if answered.contains(&failure.misconception.id) {
        return Err(Stop::Wrong(failure));
    }
    let ended = matches!(failure.misconception.id, "ends-after-first-client");
    let summary = match ended {
        true => failure.summary,
        false => format!("The next client was not served. {}", failure.summary),
    };
    Err(wrong(suspect, summary))
}

/// Whatever went wrong in this step is a sign of this mistake.
pub fn blaming<T>(suspect: &'static Misconception, step: Step<T>) -> Step<T> {
    step.map_err(|stop| match stop {
        Stop::Wrong(mut failure) => {
            failure.misconception = suspect;
            Stop::Wrong(failure)
        }
        other => other,
    })
}

/// A client that ends its direction after its last message
/// still gets the answer, and then the end of the connection.
pub fn last_words(harness: &mut Harness<'_>, message: &[u8], expected: &[u8]) -> Step {
    let mut client = harness.serve()?;
    let taken = client.send(message);
    harness.must_take(taken, &m::NO_ANSWER)?;
    client.finish_sending();
    let received = client.read(expected);
    expected_was(harness, &client, &received, expected, &m::CLOSES_EARLY)?;
    let end = client.read_end();
    let closed = must_close(harness, &end);
    match closed {
        Err(Stop::Wrong(mut failure)) if failure.misconception.id == m::EXTRA_BYTES.id => {
            client.close();
            if says_no_more_while_open(harness, message, expected)? {
                failure.misconception = &m::ANSWERS_THE_END;
                failure
                    .summary
                    .push_str(" A client that stays connected gets the answer alone.");
            }
            Err(Stop::Wrong(failure))
        }
        closed => closed,
    }
}

/// Whether nothing comes after the answer as long as the client keeps its direction open.
fn says_no_more_while_open(
    harness: &mut Harness<'_>,
    message: &[u8],
    expected: &[u8],
) -> Step<bool> {
    if harness.program()?.ended().is_some() {
        return Ok(false);
    }
    // A server that does not come back is no reason to doubt what was seen.
    let Ok(mut client) = harness.connect() else {
        return Ok(false);
    };
    client.send(message);
    let answered = client.read(expected).end == ReadEnd::Complete;
    Ok(answered && client.read_until_idle(MESSAGE_LIMIT).is_empty())
}

/// Meets the client under test and hears its first message: this one, or the exercise's where it is
/// empty, if the command line has a place for it.
pub fn meet(harness: &mut Harness<'_>, message: &str) -> Step<(Connection, Vec<u8>)> {
    let message = harness.message_or(message);
    let listener = harness.listen()?;
    harness.start(message)?;
    let mut server = harness.accept(&listener)?;
    let chosen = harness.chooses_message();
    let received = match chosen {
        true => server.read(message.as_bytes()),
        false => server.read_some(),
    };
    if received.bytes.is_empty() {
        let mistake = match received.end {
            ReadEnd::Silence => &m::WRONG_ORDER,
            _ => &m::SENDS_NOTHING,
        };
        let ending = harness.ending(received.end);
        return Err(wrong(
            mistake,
            format!("The client is connected but sent nothing, {ending}."),
        ));
    }
    if received.end != ReadEnd::Complete {
        let ending = harness.ending(received.end);
        return Err(differs(
            &m::WRONG_ANSWER,
            format!("The message differs from the one on the command line: {ending}."),
            message.as_bytes(),
            &received.bytes,
        ));
    }
    // A message may come in two pieces as well as in one:
    // what has come with the first recv is not all of it yet.
    let more = server.read_until_idle(MESSAGE_LIMIT);
    let all = [received.bytes.as_slice(), &more].concat();
    if chosen && !more.is_empty() {
        return Err(differs(
            &m::EXTRA_BYTES,
            format!("After the message {} more came.", bytes(more.len())),
            message.as_bytes(),
            &all,
        ));
    }
    // Who shows what it sends has not shown the answer by that.
    harness.program()?.forget_output();
    Ok((server, all))
}

/// Sends back what the client under test has sent, cut into pieces so long, and whatever it sends
/// after that: an echo server does not know where a message ends. Gives all that the client sent.
pub fn echo_on(
    harness: &Harness<'_>,
    server: &mut Connection,
    message: Vec<u8>,
    size: usize,
) -> Vec<u8> {
    let mut all = message.clone();
    let mut piece = message;
    loop {
        let cuts: Vec<usize> = (size..piece.len()).step_by(size).collect();
        server.send_apart(&cut(&piece, &cuts));
        // One whose message we chose has sent all of it.
        if harness.chooses_message() || all.len() > MESSAGE_LIMIT || harness.is_over() {
            return all;
        }
        let received = server.read_some();
        if received.end != ReadEnd::Complete {
            return all;
        }
        piece = received.bytes;
        all.extend_from_slice(&piece);
    }
}

/// Meets a client under test that waits for the server to speak, or says nothing at all.
pub fn meet_silent(harness: &mut Harness<'_>) -> Step<Connection> {
    let listener = harness.listen()?;
    harness.start("")?;
    harness.accept(&listener)
}

/// A server that speaks first: its message, any or this one, and then the end of the connection.
pub fn message_and_end(
    harness: &mut Harness<'_>,
    client: &mut Connection,
    expected: Option<&[u8]>,
) -> Step {
    let received = client.read_to_end(1024 * 1024);
    if received.bytes.is_empty() {
        let never = received.end == ReadEnd::Silence && client.accepted() == Some(false);
        let ending = harness.ending(received.end);
        return Err(match received.end {
            _ if never => wrong(
                &m::NEVER_ACCEPTS,
                format!("The client is connected, but was never accepted, {ending}."),
            ),
            ReadEnd::Silence => wrong(
                &m::WRONG_ORDER,
                format!("The server has to speak first, but nothing came, {ending}."),
            ),
            _ => wrong(&m::CLOSES_EARLY, format!("No message came, {ending}.")),
        });
    }
    if let Some(expected) = expected
        && received.bytes != expected
    {
        return Err(differs(
            &m::WRONG_ANSWER,
            "The message is another.",
            expected,
            &received.bytes,
        ));
    }
    match received.end {
        ReadEnd::Closed => Ok(()),
        _ => {
            let rest = Received {
                bytes: Vec::new(),
                end: received.end,
            };
            must_close(harness, &rest)
        }
    }
}
