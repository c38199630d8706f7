//! CMPU4021 Week 2: an echo server over UDP and its client.
//!
//! One file, since it is one exercise.

use std::time::{Duration, Instant};

use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::harness::Harness;
use lab_judge::harness::udp::{Nothing, sent};
use lab_judge::misconceptions::{self as m, Misconception};
use lab_judge::peers::udp::{LONGEST, Peer};
use lab_judge::ports::Protocol;
use lab_judge::process::{Ended, contains};
use lab_judge::steps;
use lab_judge::steps::datagrams::{self, Talk};
use lab_judge::verdict::{Step, Stop, differs, undecided, wrong};

#[path = "sheets/cmpu_udp_echo.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "cmpu-udp-echo",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "cmpu-udp-echo-server",
            arguments: "--host {host} --port {port}",
            message: "",
            host: Host::Loopback,
            port: 9900,
            protocol: Protocol::Udp,
            cases: SERVER,
            sheet: sheet::SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "cmpu-udp-echo-client",
            arguments: "--host {host} --port {port} --message {message} --timeout 0.5 --tries 4",
            message: MESSAGE,
            host: Host::Loopback,
            port: 9900,
            protocol: Protocol::Udp,
            cases: CLIENT,
            sheet: sheet::CLIENT,
            remark: "waits for the client's own time limits, up to twice --patience",
        },
    ],
};

/// What the sheet's server asks recvfrom for, in bytes.
const SHEETS_BUFFER: usize = 2048;
const MESSAGE: &str = "Test message. This will be echoed";
const HELLO: Talk = |harness, client| echo(harness, client, MESSAGE.as_bytes(), &m::NO_ANSWER);

static SERVER: &[Case] = &[
    Case {
        id: "whole",
        name: "sends a datagram back to its sender",
        depends_on: &[],
        play: |harness| {
            let mut client = harness.serve_datagrams()?;
            harness.send(&client, MESSAGE.as_bytes(), harness.address)?;
            // From whichever port: that is its own lesson.
            let echo = datagrams::any_answer(harness, &mut client, &m::NO_ANSWER)?;
            datagrams::expected_was(MESSAGE.as_bytes(), &echo.bytes, &m::NO_ANSWER)
        },
    },
    Case {
        id: "same-port",
        name: "answers from the port that was asked",
        depends_on: &["whole"],
        play: |harness| datagrams::same_port(harness, MESSAGE.as_bytes()),
    },
    Case {
        id: "goes-on",
        name: "serves one client after another, each at its own address",
        depends_on: &["same-port"],
        play: |harness| datagrams::goes_on(harness, HELLO),
    },
    Case {
        id: "each-alone",
        name: "answers each datagram by itself, also when several wait",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut clients = vec![harness.serve_datagrams()?];
            clients.push(harness.client()?);
            clients.push(harness.client()?);
            let said = |number: usize, turn: usize| format!("datagram {turn} of client {number}");
            for turn in 1..=2 {
                for (number, client) in clients.iter().enumerate() {
                    harness.send(client, said(number + 1, turn).as_bytes(), harness.address)?;
                }
            }
            for number in 0..clients.len() {
                for turn in 1..=2 {
                    let expected = said(number + 1, turn);
                    let received =
                        datagrams::answer(harness, &mut clients[number], &m::UDP_AS_STREAM)
                            .and_then(|echo| {
                                datagrams::expected_was(
                                    expected.as_bytes(),
                                    &echo.bytes,
                                    &m::UDP_AS_STREAM,
                                )
                            });
                    if received.is_err()
                        && let Some(other) = who_got(&mut clients, number, expected.as_bytes())
                    {
                        return Err(wrong(
                            &m::UDP_WRONG_CLIENT,
                            format!("The echo of \"{expected}\" went to {other}."),
                        ));
                    }
                    received?;
                }
            }
            Ok(())
        },
    },
    Case {
        id: "same-bytes",
        name: "gives back the very bytes, whatever they are",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut client = harness.serve_datagrams()?;
            echo(
                harness,
                &mut client,
                b"  two blanks, a line end\r\n",
                &m::MANGLES_BINARY,
            )?;
            echo(
                harness,
                &mut client,
                b"NUL \0 and after it",
                &m::MANGLES_BINARY,
            )?;
            let all = steps::all_bytes();
            harness.send(&client, &all, harness.address)?;
            match harness.receive(&mut client)? {
                Ok(echo) => datagrams::expected_was(&all, &echo.bytes, &m::MANGLES_BINARY),
                Err(nothing @ Nothing::Ended(_)) => Err(wrong(
                    &m::DIES_ON_BYTES,
                    format!("After bytes that are not text {}.", nothing.words()),
                )),
                Err(nothing) => Err(wrong(
                    &m::MANGLES_BINARY,
                    format!("Bytes that are not text had no echo: {}.", nothing.words()),
                )),
            }
        },
    },
    Case {
        id: "empty",
        name: "does not treat an empty datagram as the end",
        depends_on: &["each-alone"],
        play: |harness| {
            datagrams::empty(harness, b"after nothing", |echo| {
                datagrams::expected_was(b"after nothing", echo, &m::UDP_EMPTY_IS_END)
            })
        },
    },
    Case {
        id: "sheets-buffer",
        name: "gives back datagrams of 1,025 and 2,048 bytes whole",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut client = harness.serve_datagrams()?;
            for size in [1025, SHEETS_BUFFER] {
                let text = steps::filler(harness, size);
                echo(harness, &mut client, &text, &m::UDP_TRUNCATES)?;
            }
            Ok(())
        },
    },
    Case {
        id: "longest",
        name: "keeps running after the longest datagram there is",
        depends_on: &["sheets-buffer"],
        play: |harness| {
            let mut client = harness.serve_datagrams()?;
            let text = datagrams::longest(harness);
            if client.send(&text, harness.address).is_err() {
                harness.note(format!(
                    "this system sends no datagram of {LONGEST} bytes, so that was not tried"
                ));
                return Ok(());
            }
            match harness.receive(&mut client)? {
                Ok(echo) if echo.bytes == text => {}
                Ok(echo) => harness.note(format!(
                    "of a datagram of {LONGEST} bytes {} came back: what does not fit into the buffer of recvfrom is lost. The \
                     sheet's buffer holds {SHEETS_BUFFER}",
                    echo.bytes.len()
                )),
                Err(nothing) => harness.note(format!(
                    "a datagram of {LONGEST} bytes had no echo: {}",
                    nothing.words()
                )),
            }
            datagrams::still_serves(harness, &m::UDP_DIES_ON_DATAGRAM, HELLO)
        },
    },
    Case {
        id: "sent-again",
        name: "echoes a message again when it comes again",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut client = harness.serve_datagrams()?;
            HELLO(harness, &mut client)?;
            client.did("takes this echo for lost, and asks again");
            echo(
                harness,
                &mut client,
                MESSAGE.as_bytes(),
                &m::UDP_DROPS_COPIES,
            )?;
            echo(
                harness,
                &mut client,
                MESSAGE.as_bytes(),
                &m::UDP_DROPS_COPIES,
            )
        },
    },
    Case {
        id: "other-address",
        name: "answers a client on another address than its own",
        depends_on: &["goes-on"],
        play: |harness| {
            datagrams::other_address(harness, b"from elsewhere", |echo| {
                datagrams::expected_was(b"from elsewhere", echo, &m::UDP_WRONG_CLIENT)
            })
        },
    },
    Case {
        id: "gone-client",
        name: "keeps running when clients are gone before their echo comes",
        depends_on: &["each-alone"],
        play: |harness| datagrams::gone_client(harness, MESSAGE.as_bytes(), HELLO),
    },
    Case {
        id: "many",
        name: "serves 200 clients one after another, and keeps nothing open for them",
        depends_on: &["goes-on"],
        play: |harness| datagrams::many(harness, HELLO),
    },
    Case {
        id: "at-rest",
        name: "uses no CPU while no datagram comes",
        depends_on: &["goes-on"],
        play: |harness| datagrams::at_rest(harness, HELLO),
    },
];

/// The same bytes come back.
fn echo(
    harness: &mut Harness<'_>,
    client: &mut Peer,
    bytes: &[u8],
    suspect: &'static Misconception,
) -> Step {
    datagrams::exchange(harness, client, bytes, bytes, suspect)
}

/// The client other than this one that has received these bytes.
fn who_got(clients: &mut [Peer], this: usize, bytes: &[u8]) -> Option<String> {
    // Far more than anybody has asked for: a server that
    // sends without end is not listened to any longer.
    const MOST: usize = 100;
    for (number, client) in clients.iter_mut().enumerate() {
        for _ in 0..MOST {
            let Ok(Some(datagram)) = client.receive() else {
                break;
            };
            if number != this && datagram.bytes == bytes {
                return Some(client.who.clone());
            }
        }
    }
    None
}

static CLIENT: &[Case] = &[
    Case {
        id: "sends",
        name: "sends its message in one datagram",
        depends_on: &[],
        play: |harness| {
            let mut server = harness.be_server()?;
            let (message, _) = meet(harness, &mut server, MESSAGE)?;
            if harness.chooses_message() && message != MESSAGE.as_bytes() {
                let part = MESSAGE.as_bytes().starts_with(&message) && !message.is_empty();
                let mistake = if part {
                    &m::UDP_AS_STREAM
                } else {
                    &m::WRONG_ANSWER
                };
                return Err(differs(
                    mistake,
                    "The first datagram is not the message on the command line.",
                    MESSAGE.as_bytes(),
                    &message,
                ));
            }
            Ok(())
        },
    },
    Case {
        id: "prints",
        name: "prints the echo and ends with exit code 0",
        depends_on: &["sends"],
        play: |harness| {
            let mut server = harness.be_server()?;
            let meeting = meet(harness, &mut server, MESSAGE)?;
            let before = occurrences(harness, &meeting.0)?;
            echoed(harness, &mut server, &meeting, &m::NOT_PRINTED)?;
            if before == 0 && occurrences(harness, &meeting.0)? == 1 {
                return shows_an_echo(harness, server, &meeting.0);
            }
            Ok(())
        },
    },
    Case {
        id: "long",
        name: "takes an echo of 2,048 bytes whole",
        depends_on: &["prints"],
        play: |harness| {
            let text = steps::filler(harness, SHEETS_BUFFER);
            chosen(harness, &text, &m::UDP_TRUNCATES)
        },
    },
    Case {
        id: "characters",
        name: "sends characters outside ASCII as UTF-8, and prints them",
        depends_on: &["prints"],
        play: |harness| chosen(harness, "é日𝄞".as_bytes(), &m::WRONG_ANSWER),
    },
    Case {
        id: "late",
        name: "does not take another message's echo for its own",
        depends_on: &["prints"],
        play: |harness| {
            let mut server = harness.be_server()?;
            let meeting = meet(harness, &mut server, MESSAGE)?;
            let words = "sent, late, the echo of an earlier message,";
            sent(server.send_as(b"an earlier message", meeting.1, words))?;
            let late = echoed(harness, &mut server, &meeting, &m::UDP_LATE_ANSWER);
            if matches!(late, Err(Stop::Wrong(_))) && asks_from_fresh_sockets(harness, &mut server)?
            {
                harness.note(
                    "each try has its own socket, so no late echo can reach it: it goes to the port that asked",
                );
                return Ok(());
            }
            late
        },
    },
    Case {
        id: "empty",
        name: "does not treat an empty datagram as the end",
        depends_on: &["late"],
        play: |harness| {
            let mut server = harness.be_server()?;
            let meeting = meet(harness, &mut server, MESSAGE)?;
            harness.send(&server, b"", meeting.1)?;
            echoed(harness, &mut server, &meeting, &m::UDP_EMPTY_IS_END)
        },
    },
    Case {
        id: "doubled",
        name: "shows an echo that comes twice only once",
        depends_on: &["prints"],
        play: |harness| {
            for _ in 0..3 {
                let once = shown(harness, 1)?;
                let twice = shown(harness, 2)?;
                // A client that was kept from running has sent again,
                // and may have said so: not the same conversation.
                let (Some(once), Some(twice)) = (once, twice) else {
                    continue;
                };
                if twice <= once {
                    return Ok(());
                }
                return Err(wrong(
                    &m::UDP_COUNTS_RESEND,
                    format!(
                        "An echo that came once is in the output {once} times, one that came twice {twice} times."
                    ),
                ));
            }
            Err(Stop::Undecided(
                "the program sent its message again each time before it could be answered".into(),
            ))
        },
    },
    Case {
        id: "lost",
        name: "sends its message again when the echo does not come",
        depends_on: &["prints"],
        play: |harness| {
            let mut server = harness.be_server()?;
            meet(harness, &mut server, MESSAGE)?;
            server.did("loses it");
            let again = datagrams::sends_again(harness, &mut server)?;
            let meeting = (again.bytes, again.from);
            echoed(harness, &mut server, &meeting, &m::NOT_PRINTED)
        },
    },
    Case {
        id: "wrong-datagrams",
        name: "keeps to its time limit and its tries when datagrams come that are not its echo",
        depends_on: &["late", "lost"],
        play: wrong_datagrams,
    },
    Case {
        id: "stranger",
        name: "does not take an echo from another port than the server's",
        depends_on: &["lost"],
        play: |harness| from_a_stranger(harness, false),
    },
    Case {
        id: "strange-address",
        name: "does not take an echo from another address than the server's",
        depends_on: &["lost"],
        play: |harness| from_a_stranger(harness, true),
    },
    Case {
        id: "silent-server",
        name: "gives up when no echo ever comes, with an exit code other than 0",
        depends_on: &["lost"],
        play: |harness| {
            let mut server = harness.be_server()?;
            harness.start(MESSAGE)?;
            datagrams::silence(harness, &mut server)
        },
    },
    Case {
        id: "no-server",
        name: "ends with an exit code other than 0 when no server is there",
        depends_on: &["lost"],
        play: |harness| {
            harness
                .log
                .did("nobody", format!("has bound {}", harness.address));
            harness.start(MESSAGE)?;
            datagrams::no_server(harness)
        },
    },
];

/// Whether the client under test, started again, sends
/// its message again from another port when it is lost.
fn asks_from_fresh_sockets(harness: &mut Harness<'_>, server: &mut Peer) -> Step<bool> {
    harness.log.did("we", "started the program again");
    let (_, first) = meet(harness, server, MESSAGE)?;
    server.did("loses it");
    Ok(datagrams::sends_again(harness, server).is_ok_and(|again| again.from != first))
}

/// Datagrams that are no echo come in great number: they use up no try, and prolong no time limit.
fn wrong_datagrams(harness: &mut Harness<'_>) -> Step {
    /// More than a client has tries, most often; fewer than one puts up with that counts them.
    const MANY: usize = 8;
    const WRONG: &[u8] = b"an earlier message";
    let mut server = harness.be_server()?;
    let (_, first) = meet(harness, &mut server, MESSAGE)?;
    server.did("loses it");
    let begin = Instant::now();
    let again = datagrams::sends_again(harness, &mut server)?;
    let own_limit = begin.elapsed();
    if again.from != first {
        harness
            .note("each try has its own socket, so what comes for an earlier one cannot reach it");
        return Ok(());
    }
    for _ in 0..MANY {
        let words = "sent the echo of an earlier message";
        sent(server.send_as(WRONG, again.from, words))?;
    }
    let meeting = (again.bytes, again.from);
    let shown = echoed(harness, &mut server, &meeting, &m::UDP_LATE_ANSWER);
    let tries = std::iter::from_fn(|| server.receive().ok().flatten()).count();
    match shown {
        Err(Stop::Wrong(_)) if tries > 0 => {
            return Err(wrong(
                &m::UDP_SPENDS_TRIES,
                format!(
                    "{MANY} datagrams that are not the echo came, and then the echo. The program sent its message {tries} more \
                     times, and did not show the echo."
                ),
            ));
        }
        Ok(()) if tries >= MANY => {
            return Err(wrong(
                &m::UDP_SPENDS_TRIES,
                format!(
                    "{MANY} datagrams that are not the echo came, and then the echo. The program sent its message {tries} more \
                     times before it showed the echo."
                ),
            ));
        }
        other => other?,
    }
    outlasts(harness, &mut server, WRONG, own_limit)
}

/// Wrong datagrams come one after another, and no echo. A client sends again, or gives up, after
/// about as long as without them.
fn outlasts(
    harness: &mut Harness<'_>,
    server: &mut Peer,
    bytes: &[u8],
    own_limit: Duration,
) -> Step {
    /// So many datagrams in the time after which the client sends again by itself.
    const IN_A_LIMIT: u32 = 10;
    /// How often the client is started until we are not kept from sending in time.
    const STARTS: u32 = 5;
    for _ in 0..STARTS {
        if let Some(step) =
            outlasts_once(harness, server, bytes, own_limit, own_limit / IN_A_LIMIT)?
        {
            return step;
        }
    }
    Err(Stop::Undecided(
        "the machine is too busy to send datagrams faster than the program's time limit runs out"
            .into(),
    ))
}

/// The same once; `None` when the client had no wrong datagram for so long that its time limit may
/// have run out in between.
fn outlasts_once(
    harness: &mut Harness<'_>,
    server: &mut Peer,
    bytes: &[u8],
    own_limit: Duration,
    pause: Duration,
) -> Step<Option<Step>> {
    /// What a client that keeps to its time limit stays below, on a busy machine too.
    const ENOUGH: Duration = Duration::from_secs(3);
    harness.log.did("we", "started the program again");
    let (_, client) = meet(harness, server, MESSAGE)?;
    let begin = Instant::now();
    let (mut count, mut last) = (0, begin);
    while begin.elapsed() < ENOUGH.max(3 * own_limit) {
        if last.elapsed() > own_limit / 2 {
            return Ok(None);
        }
        let words = "sent the echo of an earlier message";
        sent(server.send_as(bytes, client, words))?;
        count += 1;
        last = Instant::now();
        while last.elapsed() < pause {
            let ended = harness.program()?.ended().is_some();
            let received = server.receive();
            let received =
                received.map_err(|error| undecided("cannot receive a datagram", &error))?;
            if ended || received.is_some() {
                let kept_away = last.elapsed() > own_limit / 2;
                return Ok((!kept_away).then_some(Ok(())));
            }
        }
    }
    Ok(Some(Err(wrong(
        &m::UDP_PROLONGS,
        format!(
            "Without an answer the program sent its message again after {:.1} seconds. While {count} datagrams came that are \
             not the echo, it did not in {:.1} seconds.",
            own_limit.as_secs_f64(),
            begin.elapsed().as_secs_f64()
        ),
    ))))
}

/// What the client under test sent, and where its socket is.
type Meeting = (Vec<u8>, std::net::SocketAddr);

/// Starts the client under test and receives its datagram.
fn meet(harness: &mut Harness<'_>, server: &mut Peer, message: &str) -> Step<Meeting> {
    harness.start(message)?;
    let datagram = datagrams::meet(harness, server)?;
    Ok((datagram.bytes, datagram.from))
}

/// Echoes the message; the client has to print it,
/// beyond what it had printed before, and to end well.
fn echoed(
    harness: &mut Harness<'_>,
    server: &mut Peer,
    (message, client): &Meeting,
    suspect: &'static Misconception,
) -> Step {
    let before = occurrences(harness, message)?;
    harness.send(server, message, *client)?;
    let patience = datagrams::long_patience(harness);
    let ended = match harness.ends_within(patience, "after its echo had come", suspect) {
        Err(Stop::Wrong(failure)) if occurrences(harness, message)? > before => {
            return Err(wrong(&m::HANGS, failure.summary));
        }
        other => other?,
    };
    if occurrences(harness, message)? <= before {
        let printed = harness.program()?.stdout().kept();
        let last = printed.strip_suffix(b"\n").unwrap_or(&printed);
        let last = last
            .rsplit(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        return Err(differs(
            suspect,
            format!(
                "The echo was not printed, and the program {ended}. Its last line of output is compared."
            ),
            message,
            last,
        ));
    }
    match ended {
        Ended::Code(0) => Ok(()),
        ended => Err(wrong(
            if suspect.id == m::NOT_PRINTED.id {
                &m::ENDS_WITH_ERROR
            } else {
                suspect
            },
            format!("The echo came and was printed, but then the program {ended}."),
        )),
    }
}

/// The message was not in the output before the echo came, and is there once at the end. Either
/// that is the echo, or it is the line about what was sent, which came out late: C keeps it back
/// until the end where stdout is not a terminal. So the client is played again without an echo,
/// until it gives up; a line that it prints then as well shows none.
fn shows_an_echo(harness: &mut Harness<'_>, mut server: Peer, message: &[u8]) -> Step {
    let told = line_with(harness, message)?;
    harness.log.did("we", "started the program again");
    meet(harness, &mut server, MESSAGE)?;
    server.did("never answers");
    let patience = datagrams::long_patience(harness);
    for _ in 0..datagrams::TRIES {
        match harness.receive_within(&mut server, patience)? {
            Ok(_) => {}
            Err(Nothing::Silence(_) | Nothing::Waits) => break,
            Err(Nothing::Ended(_)) => {
                if line_with(harness, message)? != told {
                    return Ok(());
                }
                return Err(differs(
                    &m::NOT_PRINTED,
                    "The echo was not printed: the one line with the message is printed as well when no echo comes.",
                    message,
                    &told,
                ));
            }
        }
    }
    harness.note("the message is in the output once, and the program does not give up when no echo comes: whether it shows the \
                echo or only what it sends could not be told");
    Ok(())
}

/// The first line of the output with this text.
fn line_with(harness: &mut Harness<'_>, text: &[u8]) -> Step<Vec<u8>> {
    let printed = harness.program()?.stdout().kept();
    let line = printed
        .split(|byte| *byte == b'\n')
        .find(|line| contains(line, text));
    Ok(line.unwrap_or_default().to_vec())
}

/// How often a text is in what the program has printed.
fn occurrences(harness: &mut Harness<'_>, text: &[u8]) -> Step<usize> {
    let printed = harness.program()?.stdout().kept();
    Ok(memchr::memmem::find_iter(&printed, text).count())
}

/// A message of our choice and its echo.
fn chosen(harness: &mut Harness<'_>, text: &[u8], suspect: &'static Misconception) -> Step {
    harness.must_choose_message()?;
    let message = String::from_utf8_lossy(text).into_owned();
    let mut server = harness.be_server()?;
    let meeting = meet(harness, &mut server, &message)?;
    if meeting.0 != text {
        return Err(differs(
            suspect,
            "The datagram is not the message on the command line.",
            text,
            &meeting.0,
        ));
    }
    echoed(harness, &mut server, &meeting, suspect)
}

/// How often the message is in the output of a client that gets its echo so many times; `None` when
/// it sent more than once.
fn shown(harness: &mut Harness<'_>, copies: usize) -> Step<Option<usize>> {
    let mut server = harness.be_server()?;
    let (message, client) = meet(harness, &mut server, MESSAGE)?;
    for _ in 0..copies {
        harness.send(&server, &message, client)?;
    }
    let patience = datagrams::long_patience(harness);
    harness.ends_within(patience, "after its echo had come", &m::UDP_COUNTS_RESEND)?;
    if matches!(server.receive(), Ok(Some(_))) {
        return Ok(None);
    }
    occurrences(harness, &message).map(Some)
}

/// The right bytes, but not from the server: a client that takes them does not send again.
fn from_a_stranger(harness: &mut Harness<'_>, other_address: bool) -> Step {
    let Some(stranger) = datagrams::stranger(harness, other_address)? else {
        harness.note("this system has no address 127.0.0.2, so nothing could come from there");
        return Ok(());
    };
    let mut server = harness.be_server()?;
    let (message, client) = meet(harness, &mut server, MESSAGE)?;
    harness.send(&stranger, &message, client)?;
    let patience = datagrams::long_patience(harness);
    match harness.receive_within(&mut server, patience)? {
        Ok(again) => echoed(
            harness,
            &mut server,
            &(again.bytes, again.from),
            &m::UDP_ANY_SENDER,
        ),
        Err(nothing) => Err(wrong(
            &m::UDP_ANY_SENDER,
            format!(
                "The only echo came from {}, not from {}. The program did not ask the server again: {}.",
                stranger
                    .address()
                    .map_or_else(|_| "a stranger".into(), |address| address.to_string()),
                harness.address,
                nothing.words()
            ),
        )),
    }
}
