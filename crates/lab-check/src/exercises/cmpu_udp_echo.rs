//! CMPU4021 Week 2: an echo server over UDP and its client.

use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::misconceptions::{self as m, Misconception};
use lab_judge::peers::udp::{LONGEST, Peer};
use lab_judge::ports::Protocol;
use lab_judge::process::{Ended, contains};
use lab_judge::stage::Stage;
use lab_judge::stage::udp::{Nothing, sent};
use lab_judge::steps;
use lab_judge::steps::datagrams::{self, Talk};
use lab_judge::verdict::{Step, Stop, differs, wrong};

pub static EXERCISE: Exercise = Exercise {
    name: "cmpu-udp-echo",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "cmpu-udp-echo-server",
            arguments: "--host {host} --port {port}",
            host: Host::Loopback,
            port: 9900,
            protocol: Protocol::Udp,
            cases: SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "cmpu-udp-echo-client",
            arguments: "--host {host} --port {port} --message {message} --timeout 0.5 --tries 4",
            host: Host::Loopback,
            port: 9900,
            protocol: Protocol::Udp,
            cases: CLIENT,
            remark: "waits for the client's own time limits, up to twice --patience",
        },
    ],
};

/// What the sheet's server asks recvfrom for, in bytes.
const SHEETS_BUFFER: usize = 2048;
const MESSAGE: &str = "Test message. This will be echoed";
const HELLO: Talk = |stage, client| echo(stage, client, MESSAGE.as_bytes(), &m::NO_ANSWER);

static SERVER: &[Case] = &[
    Case {
        id: "whole",
        name: "sends a datagram back to its sender",
        rests_on: &[],
        play: |stage| {
            let mut client = stage.serve_datagrams()?;
            stage.send(&client, MESSAGE.as_bytes(), stage.address)?;
            // From whichever port: that is a lesson of its own.
            let echo = datagrams::any_answer(stage, &mut client, &m::NO_ANSWER)?;
            datagrams::expected_was(MESSAGE.as_bytes(), &echo.bytes, &m::NO_ANSWER)
        },
    },
    Case {
        id: "same-port",
        name: "answers from the port that was asked",
        rests_on: &["whole"],
        play: |stage| datagrams::same_port(stage, MESSAGE.as_bytes()),
    },
    Case {
        id: "goes-on",
        name: "serves one client after another, each at its own address",
        rests_on: &["same-port"],
        play: |stage| datagrams::goes_on(stage, HELLO),
    },
    Case {
        id: "each-alone",
        name: "answers each datagram by itself, also when several wait",
        rests_on: &["goes-on"],
        play: |stage| {
            let mut clients = vec![stage.serve_datagrams()?];
            clients.push(stage.client()?);
            clients.push(stage.client()?);
            let said = |number: usize, turn: usize| format!("datagram {turn} of client {number}");
            for turn in 1..=2 {
                for (number, client) in clients.iter().enumerate() {
                    stage.send(client, said(number + 1, turn).as_bytes(), stage.address)?;
                }
            }
            for number in 0..clients.len() {
                for turn in 1..=2 {
                    let expected = said(number + 1, turn);
                    let heard = datagrams::answer(stage, &mut clients[number], &m::UDP_AS_STREAM)
                        .and_then(|echo| {
                            datagrams::expected_was(
                                expected.as_bytes(),
                                &echo.bytes,
                                &m::UDP_AS_STREAM,
                            )
                        });
                    if heard.is_err()
                        && let Some(other) = who_got(&mut clients, number, expected.as_bytes())
                    {
                        return Err(wrong(
                            &m::UDP_WRONG_CLIENT,
                            format!("The echo of \"{expected}\" went to {other}."),
                        ));
                    }
                    heard?;
                }
            }
            Ok(())
        },
    },
    Case {
        id: "same-bytes",
        name: "gives back the very bytes, whatever they are",
        rests_on: &["goes-on"],
        play: |stage| {
            let mut client = stage.serve_datagrams()?;
            echo(
                stage,
                &mut client,
                b"  two blanks, a line end\r\n",
                &m::MANGLES_BINARY,
            )?;
            echo(
                stage,
                &mut client,
                b"NUL \0 and after it",
                &m::MANGLES_BINARY,
            )?;
            let all = steps::all_bytes();
            stage.send(&client, &all, stage.address)?;
            match stage.receive(&mut client)? {
                Ok(echo) => datagrams::expected_was(&all, &echo.bytes, &m::MANGLES_BINARY),
                Err(nothing @ Nothing::Ended(_)) => Err(wrong(
                    &m::DIES_ON_BYTES,
                    format!("After bytes that are no text {}.", nothing.words()),
                )),
                Err(nothing) => Err(wrong(
                    &m::MANGLES_BINARY,
                    format!("Bytes that are no text had no echo: {}.", nothing.words()),
                )),
            }
        },
    },
    Case {
        id: "empty",
        name: "does not take an empty datagram for the end",
        rests_on: &["each-alone"],
        play: |stage| {
            datagrams::empty(stage, b"after nothing", |echo| {
                datagrams::expected_was(b"after nothing", echo, &m::UDP_EMPTY_IS_END)
            })
        },
    },
    Case {
        id: "sheets-buffer",
        name: "gives back datagrams of 1,025 and 2,048 bytes whole",
        rests_on: &["goes-on"],
        play: |stage| {
            let mut client = stage.serve_datagrams()?;
            for size in [1025, SHEETS_BUFFER] {
                let text = steps::filler(stage, size);
                echo(stage, &mut client, &text, &m::UDP_TRUNCATES)?;
            }
            Ok(())
        },
    },
    Case {
        id: "longest",
        name: "goes on after the longest datagram there is",
        rests_on: &["sheets-buffer"],
        play: |stage| {
            let mut client = stage.serve_datagrams()?;
            let text = datagrams::longest(stage);
            if client.send(&text, stage.address).is_err() {
                stage.note(format!(
                    "this system sends no datagram of {LONGEST} bytes, so that was not tried"
                ));
                return Ok(());
            }
            match stage.receive(&mut client)? {
                Ok(echo) if echo.bytes == text => {}
                Ok(echo) => stage.note(format!(
                    "of a datagram of {LONGEST} bytes {} came back: what does not fit into the buffer of recvfrom is lost. The \
                     sheet's buffer holds {SHEETS_BUFFER}",
                    echo.bytes.len()
                )),
                Err(nothing) => stage.note(format!(
                    "a datagram of {LONGEST} bytes had no echo: {}",
                    nothing.words()
                )),
            }
            datagrams::still_serves(stage, &m::UDP_DIES_ON_DATAGRAM, HELLO)
        },
    },
    Case {
        id: "sent-again",
        name: "echoes a message again that comes again",
        rests_on: &["goes-on"],
        play: |stage| {
            let mut client = stage.serve_datagrams()?;
            HELLO(stage, &mut client)?;
            client.did("takes this echo for lost, and asks again");
            echo(stage, &mut client, MESSAGE.as_bytes(), &m::UDP_DROPS_COPIES)?;
            echo(stage, &mut client, MESSAGE.as_bytes(), &m::UDP_DROPS_COPIES)
        },
    },
    Case {
        id: "other-address",
        name: "answers a client on another address than its own",
        rests_on: &["goes-on"],
        play: |stage| {
            datagrams::other_address(stage, b"from elsewhere", |echo| {
                datagrams::expected_was(b"from elsewhere", echo, &m::UDP_WRONG_CLIENT)
            })
        },
    },
    Case {
        id: "gone-client",
        name: "goes on when clients are gone before their echo comes",
        rests_on: &["each-alone"],
        play: |stage| datagrams::gone_client(stage, MESSAGE.as_bytes(), HELLO),
    },
    Case {
        id: "many",
        name: "serves 200 clients one after another, and keeps nothing open for them",
        rests_on: &["goes-on"],
        play: |stage| datagrams::many(stage, HELLO),
    },
    Case {
        id: "at-rest",
        name: "rests while no datagram comes",
        rests_on: &["goes-on"],
        play: |stage| datagrams::at_rest(stage, HELLO),
    },
];

/// The same bytes come back.
fn echo(
    stage: &mut Stage<'_>,
    client: &mut Peer,
    bytes: &[u8],
    suspect: &'static Misconception,
) -> Step {
    datagrams::exchange(stage, client, bytes, bytes, suspect)
}

/// The client other than this one that has received these bytes.
fn who_got(clients: &mut [Peer], this: usize, bytes: &[u8]) -> Option<String> {
    // Far more than anybody has asked for: a server that sends without end is not listened to any longer.
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
        rests_on: &[],
        play: |stage| {
            let mut server = stage.be_server()?;
            let (message, _) = meet(stage, &mut server, MESSAGE)?;
            if stage.chooses_message() && message != MESSAGE.as_bytes() {
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
        rests_on: &["sends"],
        play: |stage| {
            let mut server = stage.be_server()?;
            let meeting = meet(stage, &mut server, MESSAGE)?;
            let before = occurrences(stage, &meeting.0)?;
            echoed(stage, &mut server, &meeting, &m::NOT_PRINTED)?;
            if before == 0 && occurrences(stage, &meeting.0)? == 1 {
                return shows_an_echo(stage, server, &meeting.0);
            }
            Ok(())
        },
    },
    Case {
        id: "long",
        name: "takes an echo of 2,048 bytes whole",
        rests_on: &["prints"],
        play: |stage| {
            let text = steps::filler(stage, SHEETS_BUFFER);
            chosen(stage, &text, &m::UDP_TRUNCATES)
        },
    },
    Case {
        id: "characters",
        name: "sends characters outside ASCII as UTF-8, and prints them",
        rests_on: &["prints"],
        play: |stage| chosen(stage, "é日𝄞".as_bytes(), &m::WRONG_ANSWER),
    },
    Case {
        id: "late",
        name: "does not take another message's echo for its own",
        rests_on: &["prints"],
        play: |stage| {
            let mut server = stage.be_server()?;
            let meeting = meet(stage, &mut server, MESSAGE)?;
            let words = "sent, late, the echo of an earlier message,";
            sent(server.send_as(b"an earlier message", meeting.1, words))?;
            echoed(stage, &mut server, &meeting, &m::UDP_LATE_ANSWER)
        },
    },
    Case {
        id: "empty",
        name: "does not take an empty datagram for the end",
        rests_on: &["late"],
        play: |stage| {
            let mut server = stage.be_server()?;
            let meeting = meet(stage, &mut server, MESSAGE)?;
            stage.send(&server, b"", meeting.1)?;
            echoed(stage, &mut server, &meeting, &m::UDP_EMPTY_IS_END)
        },
    },
    Case {
        id: "doubled",
        name: "shows an echo once that comes twice",
        rests_on: &["prints"],
        play: |stage| {
            for _ in 0..3 {
                let once = shown(stage, 1)?;
                let twice = shown(stage, 2)?;
                // A client that was kept from running has sent again, and may have said so: not the same conversation.
                let (Some(once), Some(twice)) = (once, twice) else {
                    continue;
                };
                if twice <= once {
                    return Ok(());
                }
                return Err(wrong(
                    &m::UDP_COUNTS_RESEND,
                    format!(
                        "An echo that came once stands in the output {once} times, one that came twice {twice} times."
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
        rests_on: &["prints"],
        play: |stage| {
            let mut server = stage.be_server()?;
            meet(stage, &mut server, MESSAGE)?;
            server.did("loses it");
            let again = datagrams::sends_again(stage, &mut server)?;
            let meeting = (again.bytes, again.from);
            echoed(stage, &mut server, &meeting, &m::NOT_PRINTED)
        },
    },
    Case {
        id: "stranger",
        name: "does not take an echo from another port than the server's",
        rests_on: &["lost"],
        play: |stage| from_a_stranger(stage, false),
    },
    Case {
        id: "strange-address",
        name: "does not take an echo from another address than the server's",
        rests_on: &["lost"],
        play: |stage| from_a_stranger(stage, true),
    },
    Case {
        id: "silent-server",
        name: "gives up when no echo ever comes, with an exit code other than 0",
        rests_on: &["lost"],
        play: |stage| {
            let mut server = stage.be_server()?;
            stage.start(MESSAGE)?;
            datagrams::silence(stage, &mut server)
        },
    },
    Case {
        id: "no-server",
        name: "ends with an exit code other than 0 when nobody is there",
        rests_on: &["lost"],
        play: |stage| {
            stage
                .log
                .did("nobody", format!("has bound {}", stage.address));
            stage.start(MESSAGE)?;
            datagrams::no_server(stage)
        },
    },
];

/// What the client under test sent, and where its socket is.
type Meeting = (Vec<u8>, std::net::SocketAddr);

/// Starts the client under test and receives its datagram.
fn meet(stage: &mut Stage<'_>, server: &mut Peer, message: &str) -> Step<Meeting> {
    stage.start(message)?;
    let datagram = datagrams::meet(stage, server)?;
    Ok((datagram.bytes, datagram.from))
}

/// Echoes the message; the client has to print it, beyond what it had printed before, and to end well.
fn echoed(
    stage: &mut Stage<'_>,
    server: &mut Peer,
    (message, client): &Meeting,
    suspect: &'static Misconception,
) -> Step {
    let before = occurrences(stage, message)?;
    stage.send(server, message, *client)?;
    let patience = datagrams::long_patience(stage);
    let ended = match stage.ends_within(patience, "after its echo had come", suspect) {
        Err(Stop::Wrong(failure)) if occurrences(stage, message)? > before => {
            return Err(wrong(&m::HANGS, failure.summary));
        }
        other => other?,
    };
    if occurrences(stage, message)? <= before {
        let printed = stage.program()?.stdout().kept();
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

/// The message was not in the output before the echo came, and is there once at the end. Either that is the echo, or it is the line
/// about what was sent, which came out late: C keeps it back until the end where stdout is no terminal. So the client is played again
/// without an echo, until it gives up; a line that it prints then as well shows none.
fn shows_an_echo(stage: &mut Stage<'_>, mut server: Peer, message: &[u8]) -> Step {
    let told = line_with(stage, message)?;
    stage.log.did("we", "started the program again");
    meet(stage, &mut server, MESSAGE)?;
    server.did("never answers");
    let patience = datagrams::long_patience(stage);
    for _ in 0..datagrams::TRIES {
        match stage.receive_within(&mut server, patience)? {
            Ok(_) => {}
            Err(Nothing::Silence(_)) => break,
            Err(Nothing::Ended(_)) => {
                if line_with(stage, message)? != told {
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
    stage.note("the message stands in the output once, and the program does not give up when no echo comes: whether it shows the \
                echo or only what it sends could not be told");
    Ok(())
}

/// The first line of the output with this text.
fn line_with(stage: &mut Stage<'_>, text: &[u8]) -> Step<Vec<u8>> {
    let printed = stage.program()?.stdout().kept();
    let line = printed
        .split(|byte| *byte == b'\n')
        .find(|line| contains(line, text));
    Ok(line.unwrap_or_default().to_vec())
}

/// How often a text stands in what the program has printed.
fn occurrences(stage: &mut Stage<'_>, text: &[u8]) -> Step<usize> {
    let printed = stage.program()?.stdout().kept();
    Ok(memchr::memmem::find_iter(&printed, text).count())
}

/// A message of our choice and its echo.
fn chosen(stage: &mut Stage<'_>, text: &[u8], suspect: &'static Misconception) -> Step {
    if !stage.chooses_message() {
        stage.note(
            "the command has no {message}, so the check could not choose what the program sends",
        );
        return Ok(());
    }
    let message = String::from_utf8_lossy(text).into_owned();
    let mut server = stage.be_server()?;
    let meeting = meet(stage, &mut server, &message)?;
    if meeting.0 != text {
        return Err(differs(
            suspect,
            "The datagram is not the message on the command line.",
            text,
            &meeting.0,
        ));
    }
    echoed(stage, &mut server, &meeting, suspect)
}

/// How often the message stands in the output of a client that gets its echo so many times; `None` when it sent more than once.
fn shown(stage: &mut Stage<'_>, copies: usize) -> Step<Option<usize>> {
    let mut server = stage.be_server()?;
    let (message, client) = meet(stage, &mut server, MESSAGE)?;
    for _ in 0..copies {
        stage.send(&server, &message, client)?;
    }
    let patience = datagrams::long_patience(stage);
    stage.ends_within(patience, "after its echo had come", &m::UDP_COUNTS_RESEND)?;
    if matches!(server.receive(), Ok(Some(_))) {
        return Ok(None);
    }
    occurrences(stage, &message).map(Some)
}

/// The right bytes, but not from the server: a client that takes them does not send again.
fn from_a_stranger(stage: &mut Stage<'_>, other_address: bool) -> Step {
    let Some(stranger) = datagrams::stranger(stage, other_address)? else {
        stage.note("this system has no address 127.0.0.2, so nothing could come from there");
        return Ok(());
    };
    let mut server = stage.be_server()?;
    let (message, client) = meet(stage, &mut server, MESSAGE)?;
    stage.send(&stranger, &message, client)?;
    let patience = datagrams::long_patience(stage);
    match stage.receive_within(&mut server, patience)? {
        Ok(again) => echoed(
            stage,
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
                stage.address,
                nothing.words()
            ),
        )),
    }
}
