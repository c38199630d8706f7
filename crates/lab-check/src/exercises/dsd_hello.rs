//! Distributed System Design, exercises 1 to 3: every recv is answered with a sentence.

use lab_judge::cases::tcp_client::{self, Client};
use lab_judge::cases::tcp_server::{self, Server};
use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::misconceptions as m;
use lab_judge::peers::tcp::{Connection, HeardEnd};
use lab_judge::ports::Protocol;
use lab_judge::stage::Stage;
use lab_judge::steps;
use lab_judge::verdict::{Step, differs};

pub static EXERCISE: Exercise = Exercise {
    name: "dsd-hello",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "dsd-hello-server",
            arguments: "--host {host} --port {port}",
            host: Host::Loopback,
            port: 65432,
            protocol: Protocol::Tcp,
            cases: SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "dsd-hello-client",
            arguments: "--host {host} --port {port} {message}",
            host: Host::Loopback,
            port: 65432,
            protocol: Protocol::Tcp,
            cases: CLIENT,
            remark: "",
        },
    ],
};

/// Whatever one recv gives is answered with a sentence.
struct Hello;

impl Server for Hello {
    fn serves(stage: &mut Stage<'_>, client: &mut Connection) -> Step {
        ask(stage, client, "Hello world", &m::NO_ANSWER)
    }
}

static SERVER: &[Case] = &[
    Case {
        id: "whole",
        name: "answers a message",
        rests_on: &[],
        play: |stage| {
            let mut client = stage.serve()?;
            Hello::serves(stage, &mut client)
        },
    },
    Case {
        id: "several",
        name: "answers several messages, one after the other",
        rests_on: &["whole"],
        play: |stage| {
            let mut client = stage.serve()?;
            for text in ["Hello world", "one more", "and another"] {
                ask(stage, &mut client, text, &m::READS_ONCE)?;
            }
            Ok(())
        },
    },
    Case {
        id: "short",
        name: "answers messages of one byte, also a blank and a line end",
        rests_on: &["several"],
        play: |stage| {
            let mut client = stage.serve()?;
            for text in ["a", " ", "\n"] {
                ask(stage, &mut client, text, &m::CLOSES_EARLY)?;
            }
            Ok(())
        },
    },
    Case {
        id: "same-text",
        name: "gives the text back as it is, with its white space and quotes",
        rests_on: &["several"],
        play: |stage| {
            let mut client = stage.serve()?;
            for text in ["  blanks ", "a \"quoted\" word", "é日𝄞", "two\r\nlines\n"] {
                ask(stage, &mut client, text, &m::CHANGES_TEXT)?;
            }
            Ok(())
        },
    },
    Case {
        id: "cut-character",
        name: "goes on when a character arrives cut in two",
        rests_on: &["several"],
        play: |stage| {
            let mut client = stage.serve()?;
            // What half a character is answered with is the server's choice. That it is answered is not.
            for half in [b"\xc3".as_slice(), b"\xa9"] {
                client.send_apart(&[half]);
                let heard = client.hear_until(AFTER, 4096);
                if heard.end != HeardEnd::Complete {
                    let ending = stage.ending(heard.end);
                    return Err(differs(
                        &m::DECODES_PIECES,
                        format!("One byte of the two of é was sent, {ending}."),
                        &answer("\u{fffd}"),
                        &heard.bytes,
                    ));
                }
            }
            steps::blaming(&m::DECODES_PIECES, Hello::serves(stage, &mut client))
        },
    },
    Case {
        id: "exact-buffer",
        name: "answers a message that fills its buffer of 1,024 bytes exactly",
        rests_on: &["several"],
        play: |stage| {
            let mut client = stage.serve()?;
            let text = steps::filler_text(stage, 1024);
            ask(stage, &mut client, &text, &m::FULL_BUFFER)
        },
    },
    Case {
        id: "half-close",
        name: "still answers a client that has ended its own direction, then closes",
        rests_on: &["several"],
        play: |stage| steps::last_words(stage, b"last words", &answer("last words")),
    },
    tcp_server::ends::<Hello>(),
    tcp_server::only_client_resets::<Hello>(),
    tcp_server::silent_client::<Hello>(),
    tcp_server::restart::<Hello>(),
];

/// The client sends its message and shows what one recv gives.
struct Asks;

impl Client for Asks {
    const MESSAGE: &'static str = "Hello world";
}

static CLIENT: &[Case] = &[
    tcp_client::sends::<Asks>(),
    tcp_client::message_characters::<Asks>(),
    Case {
        id: "prints",
        name: "prints the answer and ends, while the server keeps the connection open",
        rests_on: &["sends"],
        play: |stage| {
            let (mut server, message) = steps::meet(stage, Asks::MESSAGE)?;
            let text = answer(&String::from_utf8_lossy(&message));
            server.send_apart(&[text.as_slice()]);
            steps::must_print_now(stage, &mut server, &text, &m::NOT_PRINTED)?;
            server.finish_sending();
            steps::ends_well(stage, "after its answer had come")
        },
    },
    Case {
        id: "cut-character",
        name: "ends well when the answer arrives cut inside a character",
        rests_on: &["prints"],
        play: |stage| {
            let server = Asks::meets(stage)?;
            let text = answer("é");
            tcp_client::survives_pieces(stage, server, &text, &[BEFORE.len() + 1])
        },
    },
    tcp_client::server_leaves::<Asks>(),
    tcp_client::server_resets::<Asks>(&["sends"]),
    tcp_client::no_server::<Asks>(&["sends"]),
];

const BEFORE: &[u8] = b"I got \"";
const AFTER: &[u8] = b"\" from you and I am sending it back.";

fn answer(text: &str) -> Vec<u8> {
    [BEFORE, text.as_bytes(), AFTER].concat()
}

fn ask(
    stage: &mut Stage<'_>,
    client: &mut Connection,
    text: &str,
    suspect: &'static m::Misconception,
) -> Step {
    steps::exchange(stage, client, &[text.as_bytes()], &answer(text), suspect)
}
