//! What many exercises ask for, whatever their protocol: rest, restart, 200 clients in turn, a clear end.

use std::thread;
use std::time::{Duration, Instant};

use crate::kernel;
use crate::limit::{LOOPS, seconds};
use crate::misconceptions::{self as m, Misconception};
use crate::peers::tcp::{Connection, Heard, HeardEnd, find};
use crate::process::Ended;
use crate::stage::Stage;
use crate::verdict::{Step, Stop, What, differs, wrong};

/// A descriptor or two more are a library's own; one for each client are a leak.
const DESCRIPTORS_SPARE: usize = 16;
/// After so many letters a long text begins anew; a prime, so that a buffer that is missing shows.
pub const PERIOD: usize = 65_521;
/// How long a program has to end by itself before it is asked whether it goes on.
const SETTLES: Duration = Duration::from_millis(150);
/// What [`LOOPS`] is, for a program that may still be starting: its libraries are loaded, its code is compiled.
const STARTS: Duration = Duration::from_secs(2);
/// A message of these exercises is shorter than this, in bytes.
const MESSAGE_LIMIT: usize = 64 * 1024;
/// How long a program is watched at rest.
const REST: Duration = Duration::from_millis(250);

/// `1 byte`, `2 bytes`.
pub fn bytes(count: usize) -> String {
    format!("{count} byte{}", if count == 1 { "" } else { "s" })
}

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
                    "The connection is over, but the program did not close it within {}.",
                    seconds(stage.patience())
                ),
            ))
        }
        HeardEnd::Reset => Err(wrong(
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

/// Serves many clients one after another; descriptors that pile up are a leak.
pub fn many(
    stage: &mut Stage<'_>,
    count: usize,
    mut talk: impl FnMut(&mut Stage<'_>, &mut Connection) -> Step,
) -> Step {
    let mut before = None;
    for number in 0..count {
        let met = match number {
            0 => stage.serve(),
            _ => stage.connect(),
        };
        let mut client = match met {
            Ok(client) => client,
            Err(stop) => return in_time(stage, number, count, Err(stop)),
        };
        let served = talk(stage, &mut client);
        in_time(stage, number, count, served)?;
        client.close();
        if number == 2 {
            before = descriptors(stage)?;
        }
    }
    closes_each(
        stage,
        before,
        &format!("{count} clients that have left"),
        &m::LEAKS,
    )
}

/// Of many clients this one was met as that step says, so many others before it. A program that is too slow for all of them is no wrong one.
pub fn in_time(stage: &Stage<'_>, before: usize, count: usize, served: Step) -> Step {
    let late = stage.is_over() && before + 1 < count;
    match served {
        Ok(()) if !late => Ok(()),
        Err(stop) if !stage.was_cut_short() => Err(stop),
        other => {
            let served = before + usize::from(other.is_ok());
            Err(Stop::Undecided(format!(
                "{served} of {count} clients were served in the {} of a case",
                stage.case_limit()
            )))
        }
    }
}

/// Sockets that are not closed pile up: after many clients the program has hardly more descriptors than before.
pub fn closes_each(
    stage: &mut Stage<'_>,
    before: Option<usize>,
    after: &str,
    mistake: &'static Misconception,
) -> Step {
    let Some(before) = before else {
        stage.note("this system does not tell how many descriptors a program has open, so a leak was not looked for");
        return Ok(());
    };
    // The last client's socket may be about to be closed: a count that falls in time is no leak.
    let mut step = stage.limit().step();
    loop {
        let now = descriptors(stage)?.unwrap_or(0);
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
pub fn descriptors(stage: &mut Stage<'_>) -> Step<Option<usize>> {
    Ok(kernel::descriptors(stage.program()?.id()))
}

/// Watches a program for which there is nothing to do.
///
/// A thread in a busy loop runs or waits for a processor all the time, whatever else the machine does; one that
/// waits in recv does neither. What there was to do is done after a while, so a program that comes to rest at all is right, and one
/// that has run for a while without coming to rest is in a loop.
pub fn at_rest(stage: &mut Stage<'_>) -> Step {
    rests(stage, LOOPS)
}

/// The same for a program that has only just begun to listen: it may still have something to do for its start.
pub fn comes_to_rest(stage: &mut Stage<'_>) -> Step {
    rests(stage, STARTS)
}

/// Watches a program until it rests, or has run for so long on end.
fn rests(stage: &mut Stage<'_>, most: Duration) -> Step {
    let id = stage.program()?.id();
    let Some(begin) = kernel::pulse(id) else {
        stage.note(
            "this system does not tell how busy a program is, so a busy loop was not looked for",
        );
        return Ok(());
    };
    let mut pulse = begin;
    while let Some((after, at_work)) = pulse.watch(id, REST) {
        if !at_work {
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
        if stage.is_over() {
            return Err(Stop::Undecided(
                "the machine is too busy to tell whether the program rests".to_string(),
            ));
        }
        pulse = after;
    }
    Ok(())
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
    match stage.ends_after_start("although its connection was refused")? {
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
    let all = program.stdout().kept();
    let nearest = nearest(&all, text);
    let ending = match ended {
        Some(ended) => format!("and the program {ended}"),
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
                "Of an answer of {} bytes only the first piece was printed: this takes one recv for one message.",
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

/// What was printed from the place on that is most like the text: where the longest beginning of it stands, the last time. All of it
/// where there is none.
fn nearest<'p>(printed: &'p [u8], text: &[u8]) -> &'p [u8] {
    // Where a beginning stands, every shorter one does.
    let lengths: Vec<usize> = (1..=text.len()).collect();
    let longest = lengths.partition_point(|length| find(printed, &text[..*length]).is_some());
    match memchr::memmem::rfind(printed, &text[..longest]) {
        Some(at) if longest > 0 => &printed[at..],
        _ => printed,
    }
}

/// A good end is exit code 0; the sheets do not speak of it.
pub fn note_exit_code(stage: &mut Stage<'_>, ended: Ended) {
    if ended != Ended::Code(0) {
        stage.note(format!(
            "the conversation was fine, but the program {ended}; a good end is exit code 0"
        ));
    }
}

/// Sends pieces, each apart, and hears the answer to the last byte. The suspect is who did it when there is no better sign.
pub fn exchange(
    stage: &mut Stage<'_>,
    client: &mut Connection,
    pieces: &[&[u8]],
    expected: &[u8],
    suspect: &'static Misconception,
) -> Step {
    let taken = client.send_apart(pieces);
    let heard = client.hear(expected);
    if heard.bytes.is_empty() && heard.end != HeardEnd::Complete {
        stage.must_take(taken, suspect)?;
        if suspect.id == m::NO_ANSWER.id && heard.end == HeardEnd::Silence {
            what_it_waits_for(stage, client)?;
        }
    }
    expected_was(stage, client, &heard, expected, suspect)
}

/// A server that read a message and did not answer: what makes it answer says what it waits for.
fn what_it_waits_for(stage: &mut Stage<'_>, client: &mut Connection) -> Step {
    if client.accepted() == Some(false) {
        return Ok(());
    }
    let patience = seconds(stage.patience());
    client.send(b"\n");
    if client.hear_some().end == HeardEnd::Complete {
        return Err(wrong(
            &m::WAITS_FOR_LINE,
            format!(
                "The message was read, and nothing came for {patience}. An answer came when a line end was sent after it."
            ),
        ));
    }
    client.finish_sending();
    if client.hear_some().end == HeardEnd::Complete {
        return Err(wrong(
            &m::WAITS_FOR_END,
            format!(
                "The message was read, and nothing came for {patience}. An answer came when the client had ended its direction."
            ),
        ));
    }
    Ok(())
}

/// Judges what was heard where exactly these bytes should have come.
pub fn expected_was(
    stage: &mut Stage<'_>,
    client: &Connection,
    heard: &Heard,
    expected: &[u8],
    suspect: &'static Misconception,
) -> Step {
    if heard.end == HeardEnd::Complete {
        return Ok(());
    }
    let got = heard.bytes.as_slice();
    let at = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    let plain = suspect.id == m::NO_ANSWER.id;
    let ending = stage.ending(heard.end);
    let (mistake, summary) = match heard.end {
        HeardEnd::Silence if got.is_empty() && plain && client.accepted() == Some(false) => (
            &m::NEVER_ACCEPTS,
            format!("The client is connected, but was never accepted: no answer came, {ending}."),
        ),
        HeardEnd::Closed | HeardEnd::Reset if got.is_empty() && plain => {
            (&m::CLOSES_EARLY, format!("No answer came, {ending}."))
        }
        HeardEnd::Differs if find(got, expected).is_some() => (
            &m::EXTRA_BYTES,
            format!(
                "Before this answer {} came that nobody asked for.",
                bytes(find(got, expected).unwrap_or(0))
            ),
        ),
        HeardEnd::Differs if !suspect.changes_bytes() => (
            &m::WRONG_ANSWER,
            format!("The answer differs from byte {at} on."),
        ),
        HeardEnd::Differs => (suspect, format!("The answer differs from byte {at} on.")),
        _ if got.is_empty() => (suspect, format!("No answer came, {ending}.")),
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

/// A further client is served, after something was done to the one before it.
pub fn still_serves(
    stage: &mut Stage<'_>,
    suspect: &'static Misconception,
    talk: impl FnOnce(&mut Stage<'_>, &mut Connection) -> Step,
) -> Step {
    let served = stage.connect().and_then(|mut next| talk(stage, &mut next));
    let Err(Stop::Wrong(failure)) = served else {
        return served;
    };
    if let Err(Stop::Wrong(_)) = at_rest(stage) {
        return Err(wrong(
            &m::SPINS,
            "The next client was not served: the program has not come back from the one before it, and runs all the time.",
        ));
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

/// A client that ends its direction after its last message still gets the answer, and then the end of the connection.
pub fn last_words(stage: &mut Stage<'_>, message: &[u8], expected: &[u8]) -> Step {
    let mut client = stage.serve()?;
    let taken = client.send(message);
    stage.must_take(taken, &m::NO_ANSWER)?;
    client.finish_sending();
    let heard = client.hear(expected);
    expected_was(stage, &client, &heard, expected, &m::CLOSES_EARLY)?;
    let end = client.hear_end(64);
    must_close(stage, &end)
}

/// Starts a client under test that has to end well by itself.
pub fn ends_well(stage: &mut Stage<'_>, after: &str) -> Step {
    match stage.ends(after)? {
        Ended::Code(0) => Ok(()),
        ended => Err(wrong(
            &m::ENDS_AT_ONCE,
            format!("The conversation was fine, but the program {ended}."),
        )),
    }
}

/// Letters from the seed: so many that no two places near each other look alike, and then the same again.
pub fn filler(stage: &mut Stage<'_>, size: usize) -> Vec<u8> {
    let letters: Vec<u8> = (0..size.min(PERIOD))
        .map(|_| u8::try_from(stage.random.lowercase()).unwrap_or(b'x'))
        .collect();
    letters.into_iter().cycle().take(size).collect()
}

/// The same as text.
pub fn filler_text(stage: &mut Stage<'_>, size: usize) -> String {
    filler(stage, size).into_iter().map(char::from).collect()
}

/// Every value that a byte can have, twice, the second time backwards.
pub fn all_bytes() -> Vec<u8> {
    (0..=255).chain((0..=255).rev()).collect()
}

/// The sheet's server ends after its first client. One that takes the next does more than it has to: a note.
pub fn ends_or_goes_on(
    stage: &mut Stage<'_>,
    talk: impl FnOnce(&mut Stage<'_>, &mut Connection) -> Step,
) -> Step {
    let group = stage.program()?.id();
    let begin = Instant::now();
    let ended = loop {
        if let Some(ended) = stage.program()?.wait(Duration::from_millis(20)) {
            break Some(ended);
        }
        // One that still listens when it has come to rest waits for the next client, or for something that does not come.
        if begin.elapsed() >= SETTLES
            && !kernel::listening("tcp", group).is_empty()
            && !kernel::at_work(group)
        {
            break stage.program()?.ended();
        }
        if begin.elapsed() >= stage.patience().max(SETTLES) {
            at_rest(stage)?;
            break stage.program()?.ended();
        }
    };
    match ended {
        Some(Ended::Code(0)) => Ok(()),
        Some(ended) => {
            stage.program()?.drained();
            Err(wrong(
                &m::ENDS_WITH_ERROR,
                format!("The conversation was fine, but then the program {ended}."),
            ))
        }
        None => {
            let next = stage.connect().and_then(|mut next| talk(stage, &mut next));
            if next.is_err() {
                return Err(wrong(
                    &m::HANGS,
                    "Its client has left, but the program neither ends nor serves another.",
                ));
            }
            stage.note("the server goes on after its first client; the sheet's ends with it");
            Ok(())
        }
    }
}

/// Meets the client under test and hears its first message: this one, where the command line has a place for it.
pub fn meet(stage: &mut Stage<'_>, message: &str) -> Step<(Connection, Vec<u8>)> {
    let listener = stage.listen()?;
    stage.start(message)?;
    let mut server = stage.accept(&listener)?;
    let chosen = stage.chooses_message() && !message.is_empty();
    let heard = match chosen {
        true => server.hear(message.as_bytes()),
        false => server.hear_some(),
    };
    if heard.bytes.is_empty() {
        let ending = stage.ending(heard.end);
        return Err(wrong(
            &m::WRONG_ORDER,
            format!("The client is connected but sent nothing, {ending}."),
        ));
    }
    if heard.end != HeardEnd::Complete {
        let ending = stage.ending(heard.end);
        return Err(differs(
            &m::WRONG_ANSWER,
            format!("The message differs from the one on the command line: {ending}."),
            message.as_bytes(),
            &heard.bytes,
        ));
    }
    // A message may come in two pieces as well as in one: what has come with the first recv is not all of it yet.
    let more = server.hear_until_it_waits(MESSAGE_LIMIT);
    let all = [heard.bytes.as_slice(), &more].concat();
    if chosen && !more.is_empty() {
        return Err(differs(
            &m::EXTRA_BYTES,
            format!("After the message {} more came.", bytes(more.len())),
            message.as_bytes(),
            &all,
        ));
    }
    Ok((server, all))
}

/// Sends back what the client under test has sent, cut into pieces so long, and whatever it sends after that: an echo server does not
/// know where a message ends. Gives all that the client sent.
pub fn echo_on(
    stage: &Stage<'_>,
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
        if stage.chooses_message() || all.len() > MESSAGE_LIMIT || stage.is_over() {
            return all;
        }
        let heard = server.hear_some();
        if heard.end != HeardEnd::Complete {
            return all;
        }
        piece = heard.bytes;
        all.extend_from_slice(&piece);
    }
}

/// Meets a client under test that waits for the server to speak, or says nothing at all.
pub fn meet_silent(stage: &mut Stage<'_>) -> Step<Connection> {
    let listener = stage.listen()?;
    stage.start("")?;
    stage.accept(&listener)
}

/// The client under test has to print an answer as soon as it has come: while the connection goes on.
pub fn must_print_now(
    stage: &mut Stage<'_>,
    server: &mut Connection,
    text: &[u8],
    suspect: &'static Misconception,
) -> Step {
    let printed = must_print(stage, text, &[], suspect);
    let Err(Stop::Wrong(failure)) = printed else {
        return printed;
    };
    if stage.program()?.ended().is_some() {
        return Err(Stop::Wrong(failure));
    }
    // What it waits for shows in what it does when that comes.
    server.finish_sending();
    match must_print(stage, text, &[], suspect) {
        Ok(()) => Err(wrong(
            &m::WAITS_FOR_END,
            format!(
                "The answer of {} bytes was printed only when the server had closed the connection: until then the program waited for {}.",
                text.len(),
                seconds(stage.patience())
            ),
        )),
        Err(_) => Err(Stop::Wrong(failure)),
    }
}

/// A server that speaks first: its message, any or this one, and then the end of the connection.
pub fn message_and_end(
    stage: &mut Stage<'_>,
    client: &mut Connection,
    expected: Option<&[u8]>,
) -> Step {
    let heard = client.hear_end(1024 * 1024);
    if heard.bytes.is_empty() {
        let never = heard.end == HeardEnd::Silence && client.accepted() == Some(false);
        let ending = stage.ending(heard.end);
        return Err(match heard.end {
            _ if never => wrong(
                &m::NEVER_ACCEPTS,
                format!("The client is connected, but was never accepted, {ending}."),
            ),
            HeardEnd::Silence => wrong(
                &m::WRONG_ORDER,
                format!("The server has to speak first, but nothing came, {ending}."),
            ),
            _ => wrong(&m::CLOSES_EARLY, format!("No message came, {ending}.")),
        });
    }
    if let Some(expected) = expected
        && heard.bytes != expected
    {
        return Err(differs(
            &m::WRONG_ANSWER,
            "The message is another.",
            expected,
            &heard.bytes,
        ));
    }
    match heard.end {
        HeardEnd::Closed => Ok(()),
        _ => {
            let rest = Heard {
                bytes: Vec::new(),
                end: heard.end,
            };
            must_close(stage, &rest)
        }
    }
}

/// The program has to print a text; a program that prints each piece on a line of its own does so as well.
pub fn must_print_joined(
    stage: &mut Stage<'_>,
    text: &[u8],
    cuts: &[usize],
    suspect: &'static Misconception,
) -> Step {
    let mut step = stage.limit().step();
    let program = stage.program()?;
    loop {
        let printed = program.stdout();
        let joined: Vec<u8> = printed
            .head
            .iter()
            .copied()
            .filter(|byte| !b"\r\n".contains(byte))
            .collect();
        if find(&joined, text).is_some() {
            return Ok(());
        }
        if program.wait(step.tick()).is_some() || step.is_over() {
            break;
        }
    }
    program.drained();
    let printed = program.stdout();
    let joined: Vec<u8> = printed
        .head
        .iter()
        .copied()
        .filter(|byte| !b"\r\n".contains(byte))
        .collect();
    if find(&joined, text).is_some() {
        return Ok(());
    }
    must_print(stage, text, cuts, suspect)
}

/// A program that has ended printed a text in pieces, each with words of its own around it: the letters of the text come in its
/// output in their order.
pub fn has_printed_pieces(
    stage: &mut Stage<'_>,
    text: &[u8],
    suspect: &'static Misconception,
) -> Step {
    let printed = stage.program()?.stdout();
    // After the line that shows what is sent.
    let from = find(&printed.head, text).map_or(0, |at| at + text.len());
    let mut rest = printed.head[from..].iter();
    if text.iter().all(|byte| rest.any(|printed| printed == byte)) {
        return Ok(());
    }
    let shown = printed.head[from..].to_vec();
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
