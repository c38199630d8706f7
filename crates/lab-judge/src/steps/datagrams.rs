//! What servers and clients over UDP owe each other, whatever their datagrams say.

use std::time::Duration;

use crate::harness::Harness;
use crate::harness::udp::{Nothing, sent};
use crate::misconceptions::{self as m, Misconception};
use crate::peers::udp::{Datagram, LONGEST, Peer};
use crate::process::Ended;
use crate::procfs;
use crate::steps;
use crate::verdict::{Step, Stop, differs, undecided, wrong};

/// How many clients a server is asked by, one after another, when descriptors are counted.
const MANY: usize = 200;
/// A client that has sent this often may be let off: it does send again.
pub const TRIES: usize = 10;

/// A question that the server has to answer, and the judgment about its answer.
pub type Talk = fn(&mut Harness<'_>, &mut Peer) -> Step;

/// Sends a datagram to the server under test and hears what comes back. The suspect is who did it
/// when there is no better sign.
pub fn ask(
    harness: &mut Harness<'_>,
    client: &mut Peer,
    question: &[u8],
    suspect: &'static Misconception,
) -> Step<Datagram> {
    harness.send(client, question, harness.address)?;
    answer(harness, client, suspect)
}

/// Hears an answer of the server under test, from its own address.
pub fn answer(
    harness: &mut Harness<'_>,
    client: &mut Peer,
    suspect: &'static Misconception,
) -> Step<Datagram> {
    let datagram = any_answer(harness, client, suspect)?;
    if datagram.from != harness.address {
        return Err(wrong(
            &m::UDP_OTHER_PORT,
            format!(
                "The question went to {}, the answer came from {}.",
                harness.address, datagram.from
            ),
        ));
    }
    Ok(datagram)
}

/// Hears an answer, wherever it comes from.
pub fn any_answer(
    harness: &mut Harness<'_>,
    client: &mut Peer,
    suspect: &'static Misconception,
) -> Step<Datagram> {
    match harness.receive(client)? {
        Ok(datagram) => Ok(datagram),
        Err(nothing) => Err(no_answer(harness, nothing, suspect)),
    }
}

fn no_answer(harness: &Harness<'_>, nothing: Nothing, suspect: &'static Misconception) -> Stop {
    let waits = procfs::unread_datagrams(harness.address).is_some_and(|bytes| bytes > 0);
    if waits && suspect.id == m::NO_ANSWER.id {
        return wrong(
            &m::UDP_NOT_RECEIVED,
            "The datagram still waits in the system: the program does not call recvfrom.",
        );
    }
    let mistake = match nothing {
        Nothing::Ended(_) if suspect.id == m::NO_ANSWER.id => &m::UDP_ENDS_AT_ONCE,
        _ => suspect,
    };
    wrong(mistake, format!("No answer came: {}.", nothing.words()))
}

/// The answer has to be exactly this.
pub fn exchange(
    harness: &mut Harness<'_>,
    client: &mut Peer,
    question: &[u8],
    expected: &[u8],
    suspect: &'static Misconception,
) -> Step {
    let datagram = ask(harness, client, question, suspect)?;
    expected_was(expected, &datagram.bytes, suspect)
}

/// Judges an answer where exactly these bytes should have come.
pub fn expected_was(expected: &[u8], got: &[u8], suspect: &'static Misconception) -> Step {
    if got == expected {
        return Ok(());
    }
    let plain = suspect.id == m::NO_ANSWER.id;
    let beginning = super::conversation::stops_short(expected, got);
    let doubts = [m::UDP_TRUNCATES.id, m::MANGLES_BINARY.id].contains(&suspect.id);
    if let Some(rest) = got.strip_prefix(expected)
        && rest.iter().all(|byte| *byte == 0)
    {
        return Err(differs(
            &m::WHOLE_BUFFER,
            format!(
                "After the {} of the answer {} of value 0 came.",
                steps::bytes(expected.len()),
                steps::bytes(rest.len())
            ),
            expected,
            got,
        ));
    }
    if super::conversation::stops_at_nul(expected, got) && (plain || doubts) {
        return Err(differs(
            &m::STOPS_AT_NUL,
            format!(
                "Only the {} before the first one of value 0 came back, of {}.",
                steps::bytes(got.len()),
                expected.len()
            ),
            expected,
            got,
        ));
    }
    if beginning && (plain || doubts) {
        return Err(differs(
            &m::UDP_TRUNCATES,
            format!(
                "Only the first {} of {} bytes came back.",
                got.len(),
                expected.len()
            ),
            expected,
            got,
        ));
    }
    let mistake = if plain { &m::WRONG_ANSWER } else { suspect };
    Err(differs(
        mistake,
        "The answer is another than the one expected.",
        expected,
        got,
    ))
}

/// Whatever the server says, from whichever port: only that it answers.
pub fn same_port(harness: &mut Harness<'_>, question: &[u8]) -> Step {
    let mut client = harness.serve_datagrams()?;
    ask(harness, &mut client, question, &m::NO_ANSWER).map(|_| ())
}

/// A further client is served, after something was done by the ones before it.
pub fn still_serves(
    harness: &mut Harness<'_>,
    suspect: &'static Misconception,
    talk: Talk,
) -> Step {
    let mut next = harness.client()?;
    talk(harness, &mut next).map_err(|stop| match stop {
        Stop::Wrong(failure) if failure.misconception.id == m::UDP_OTHER_PORT.id => {
            Stop::Wrong(failure)
        }
        Stop::Wrong(failure) => wrong(
            suspect,
            format!("The next client was not served. {}", failure.summary),
        ),
        other => other,
    })
}

/// Serves one client after another, all of which stay.
pub fn goes_on(harness: &mut Harness<'_>, talk: Talk) -> Step {
    let mut first = harness.serve_datagrams()?;
    talk(harness, &mut first)?;
    for _ in 0..2 {
        let served = still_serves(harness, &m::UDP_FIRST_ONLY, talk);
        // An answer that went to somebody else is the better explanation.
        if served.is_err() && matches!(first.receive(), Ok(Some(_))) {
            return Err(wrong(
                &m::UDP_WRONG_CLIENT,
                "The next client got no answer: the answer to its datagram went to client 1.",
            ));
        }
        served?;
    }
    Ok(())
}

/// An empty datagram, and then a question.
pub fn empty(harness: &mut Harness<'_>, question: &[u8], judge: fn(&[u8]) -> Step) -> Step {
    let mut client = harness.serve_datagrams()?;
    harness.send(&client, b"", harness.address)?;
    harness.send(&client, question, harness.address)?;
    let first = answer(harness, &mut client, &m::UDP_EMPTY_IS_END)?;
    // An empty answer to an empty question, or one that says
    // what is wrong with it; then the one to the question.
    if judge(&first.bytes).is_ok() {
        harness.note("an empty datagram gets no answer; the sheet leaves open which it should get");
        return Ok(());
    }
    let second = answer(harness, &mut client, &m::UDP_EMPTY_IS_END)?;
    judge(&second.bytes)
}

/// A client on another address of this machine.
pub fn other_address(harness: &mut Harness<'_>, question: &[u8], judge: fn(&[u8]) -> Step) -> Step {
    let _first = harness.serve_datagrams()?;
    let Ok(mut client) = Peer::on(
        ([127, 0, 0, 2], 0).into(),
        "client at 127.0.0.2",
        &harness.log,
    ) else {
        harness.note("this system has no address 127.0.0.2, so nobody could ask from there");
        return Ok(());
    };
    let datagram = ask(harness, &mut client, question, &m::UDP_WRONG_CLIENT)?;
    judge(&datagram.bytes)
}

/// Clients that are gone before their answer comes.
pub fn gone_client(harness: &mut Harness<'_>, question: &[u8], talk: Talk) -> Step {
    let mut first = harness.serve_datagrams()?;
    talk(harness, &mut first)?;
    for _ in 0..3 {
        let gone = harness.client()?;
        sent(gone.send_and_vanish(question, harness.address))?;
    }
    still_serves(harness, &m::UDP_ICMP, talk)
}

/// Datagrams that are as bad as they come; after each the server has to serve the next client.
pub fn survives(
    harness: &mut Harness<'_>,
    bad: &[&[u8]],
    suspect: &'static Misconception,
    talk: Talk,
) -> Step {
    let mut first = harness.serve_datagrams()?;
    talk(harness, &mut first)?;
    for bytes in bad {
        let client = harness.client()?;
        // Some systems have a lower limit for what can be sent (macOS 9,216 bytes).
        if bytes.len() > 9000 && client.send(bytes, harness.address).is_err() {
            harness.note(format!(
                "this system sends no datagram of {} bytes, so that was not tried",
                bytes.len()
            ));
            continue;
        } else if bytes.len() <= 9000 {
            harness.send(&client, bytes, harness.address)?;
        }
        still_serves(harness, suspect, talk)?;
    }
    Ok(())
}

/// The longest datagram there is.
pub fn longest(harness: &mut Harness<'_>) -> Vec<u8> {
    steps::filler(harness, LONGEST)
}

/// Serves many clients one after another; descriptors that pile up are a leak.
pub fn many(harness: &mut Harness<'_>, talk: Talk) -> Step {
    let mut before = None;
    // They stay: no two of them ever have the same port.
    let mut clients = vec![harness.serve_datagrams()?];
    for number in 0..MANY {
        if number > 0 {
            clients.push(harness.client()?);
        }
        let served = talk(harness, &mut clients[number]);
        steps::in_time(harness, number, MANY, served)?;
        if number == 2 {
            before = steps::descriptors(harness)?;
        }
    }
    steps::closes_each(harness, before, &format!("{MANY} clients"), &m::UDP_LEAKS)
}

/// Nothing comes any more.
pub fn at_rest(harness: &mut Harness<'_>, talk: Talk) -> Step {
    let mut client = harness.serve_datagrams()?;
    talk(harness, &mut client)?;
    steps::at_rest(harness).map_err(|stop| match stop {
        Stop::Wrong(failure) => wrong(&m::UDP_SPINS, failure.summary),
        other => other,
    })
}

/// How long a client may take until it sends again, or gives up: its own time limit is unknown.
pub fn long_patience(harness: &Harness<'_>) -> Duration {
    2 * harness.patience()
}

/// How long a client may take until its first datagram: an
/// interpreter takes its time to start on a busy machine.
pub fn start_patience(harness: &Harness<'_>) -> Duration {
    harness.patience().max(Duration::from_secs(15))
}

/// Waits for the first datagram of the client under test.
pub fn meet(harness: &mut Harness<'_>, server: &mut Peer) -> Step<Datagram> {
    let patience = start_patience(harness);
    match harness.receive_within(server, patience)? {
        Ok(datagram) => Ok(datagram),
        Err(nothing) => Err(wrong(
            &m::UDP_SENDS_NOTHING,
            format!(
                "No datagram reached {}: {}.",
                harness.address,
                nothing.words()
            ),
        )),
    }
}

/// Waits until the client under test sends its datagram again, since nothing that it should take
/// for an answer has come.
pub fn sends_again(harness: &mut Harness<'_>, server: &mut Peer) -> Step<Datagram> {
    let patience = long_patience(harness);
    match harness.receive_within(server, patience)? {
        Ok(datagram) => Ok(datagram),
        Err(Nothing::Silence(time)) => Err(wrong(
            &m::UDP_WAITS_FOREVER,
            format!(
                "Its datagram was lost, and for {} seconds the program neither sent it again nor gave up.",
                time.as_secs_f64()
            ),
        )),
        Err(Nothing::Waits) => Err(wrong(
            &m::UDP_WAITS_FOREVER,
            "Its datagram was lost, and the program waits for the answer without a time limit: it neither sends it again nor \
             gives up.",
        )),
        Err(Nothing::Ended(ended)) => Err(wrong(
            &m::UDP_NO_RESEND,
            format!("Its datagram was lost, and the program {ended} without a second try."),
        )),
    }
}

/// Never answers the client under test, which has to give up and to say so by its exit code.
pub fn silence(harness: &mut Harness<'_>, server: &mut Peer) -> Step {
    meet(harness, server)?;
    let patience = long_patience(harness);
    for _ in 1..TRIES {
        match harness.receive_within(server, patience)? {
            Ok(_) => {}
            Err(Nothing::Waits) => {
                return Err(wrong(
                    &m::UDP_WAITS_FOREVER,
                    "No answer ever came, and the program waits for one without a time limit.",
                ));
            }
            Err(Nothing::Silence(_)) => {
                return Err(wrong(
                    &m::UDP_WAITS_FOREVER,
                    format!(
                        "No answer ever came, and {} seconds after its last try the program still ran.",
                        patience.as_secs_f64()
                    ),
                ));
            }
            Err(Nothing::Ended(Ended::Code(0))) => {
                return Err(wrong(
                    &m::SILENT_FAILURE,
                    "No answer ever came, but the program ended with exit code 0.",
                ));
            }
            Err(Nothing::Ended(_)) => return Ok(()),
        }
    }
    harness.note(format!(
        "after {TRIES} tries the program still tries; the sheet leaves open when to give up"
    ));
    Ok(())
}

/// No server is there, and the system says so by ICMP "port unreachable". A client that does not
/// hear it runs into its time limit.
pub fn no_server(harness: &mut Harness<'_>) -> Step {
    let address = harness.address;
    let patience = 4 * harness.patience();
    let ended = harness.ends_within(
        patience,
        "although no server is there to answer",
        &m::UDP_WAITS_FOREVER,
    )?;
    match ended {
        Ended::Code(0) => Err(wrong(
            &m::SILENT_FAILURE,
            format!("Nobody has bound {address}, but the program ended with exit code 0."),
        )),
        _ => Ok(()),
    }
}

/// A stranger: another port on the server's address, or the same port on another address.
pub fn stranger(harness: &Harness<'_>, same_port: bool) -> Step<Option<Peer>> {
    if same_port {
        let address = (
            std::net::Ipv4Addr::new(127, 0, 0, 2),
            harness.address.port(),
        );
        return Ok(Peer::on(address.into(), "stranger at 127.0.0.2", &harness.log).ok());
    }
    Peer::anywhere("stranger", &harness.log)
        .map(Some)
        .map_err(|error| undecided("cannot make a socket", &error))
}
