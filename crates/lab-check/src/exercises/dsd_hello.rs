//! Distributed System Design, exercises 1 to 3: every recv is answered with a sentence.

use lab_judge::cases::tcp_client::{self, Client};
use lab_judge::cases::tcp_server::{self, Server};
use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::harness::Harness;
use lab_judge::misconceptions as m;
use lab_judge::peers::tcp::{Connection, ReadEnd};
use lab_judge::ports::Protocol;
use lab_judge::steps;
use lab_judge::verdict::{Step, differs};

#[path = "sheets/dsd_hello.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "dsd-hello",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "dsd-hello-server",
            arguments: "--host {host} --port {port}",
            message: "",
            host: Host::Loopback,
            port: 65432,
            protocol: Protocol::Tcp,
            cases: SERVER,
            sheet: sheet::SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "dsd-hello-client",
            arguments: "--host {host} --port {port} {message}",
            message: "Hello world",
            host: Host::Loopback,
            port: 65432,
            protocol: Protocol::Tcp,
            cases: CLIENT,
            sheet: sheet::CLIENT,
            remark: "",
        },
    ],
};

/// Whatever one recv gives is answered with a sentence.
struct Hello;

impl Server for Hello {
    fn serves(harness: &mut Harness<'_>, client: &mut Connection) -> Step {
        ask(harness, client, "Hello world", &m::NO_ANSWER)
    }
}

static SERVER: &[Case] = &[
    Case {
        id: "whole",
        name: "answers a message",
        depends_on: &[],
        play: |harness| {
            let mut client = harness.serve()?;
            let expected = answer("Hello world");
            steps::exchange_exactly(harness, &mut client, b"Hello world", &expected)
        },
    },
    Case {
        id: "several",
        name: "answers several messages, one after the other",
        depends_on: &["whole"],
        play: |harness| {
            let mut client = harness.serve()?;
            for text in ["Hello world", "one more", "and another"] {
                ask(harness, &mut client, text, &m::READS_ONCE)?;
            }
            Ok(())
        },
    },
    Case {
        id: "short",
        name: "answers messages of one byte, also a blank and a line end",
        depends_on: &["several"],
        play: |harness| {
            let mut client = harness.serve()?;
            for text in ["a", " ", "\n"] {
                ask(harness, &mut client, text, &m::CLOSES_EARLY)?;
            }
            Ok(())
        },
    },
    Case {
        id: "same-text",
        name: "gives the text back as it is, with its white space and quotes",
        depends_on: &["several"],
        play: |harness| {
            let mut client = harness.serve()?;
            for text in ["  blanks ", "a \"quoted\" word", "é日𝄞", "two\r\nlines\n"] {
                ask(harness, &mut client, text, &m::CHANGES_TEXT)?;
            }
            Ok(())
        },
    },
    Case {
        id: "cut-character",
        name: "keeps running when a character arrives cut in two",
        depends_on: &["several"],
        play: |harness| {
            let mut client = harness.serve()?;
            // What half a character is answered with is the
            // server's choice. That it is answered is not.
            for half in [b"\xc3".as_slice(), b"\xa9"] {
                client.send_apart(&[half]);
                let received = client.read_until(AFTER, 4096);
                if received.end != ReadEnd::Complete {
                    let ending = harness.ending(received.end);
                    return Err(differs(
                        &m::HALF_CHARACTER,
                        format!("One byte of the two of é was sent, {ending}."),
                        &answer("\u{fffd}"),
                        &received.bytes,
                    ));
                }
            }
            steps::blaming(&m::HALF_CHARACTER, Hello::serves(harness, &mut client))
        },
    },
    Case {
        id: "exact-buffer",
        name: "answers a message that fills its buffer of 1,024 bytes exactly",
        depends_on: &["several"],
        play: |harness| {
            let mut client = harness.serve()?;
            let text = steps::filler_text(harness, 1024);
            ask(harness, &mut client, &text, &m::FULL_BUFFER)
        },
    },
    Case {
        id: "half-close",
        name: "still answers a client that has ended its own direction, then closes",
        depends_on: &["several"],
        play: |harness| steps::last_words(harness, b"last words", &answer("last words")),
    },
    tcp_server::ends::<Hello>(),
    tcp_server::only_client_resets::<Hello>(),
    tcp_server::silent_client::<Hello>(),
    tcp_server::restart::<Hello>(),
];

/// The client sends its message and shows what one recv gives.
struct Asks;

impl Client for Asks {}

static CLIENT: &[Case] = &[
    tcp_client::sends::<Asks>(),
    tcp_client::message_characters::<Asks>(),
    Case {
        id: "prints",
        name: "prints the answer and ends, while the server keeps the connection open",
        depends_on: &["sends"],
        play: |harness| {
            let (mut server, message) = steps::meet(harness, "")?;
            let text = answer(&String::from_utf8_lossy(&message));
            server.send_apart(&[text.as_slice()]);
            steps::must_print_now(harness, &mut server, &text, &m::NOT_PRINTED)?;
            server.finish_sending();
            steps::ends_well(harness, "after its answer had come")?;
            steps::must_print_what_came(harness, &text)
        },
    },
    Case {
        id: "cut-character",
        name: "ends well when the answer arrives cut inside a character",
        depends_on: &["prints"],
        play: |harness| {
            let server = Asks::meets(harness)?;
            let text = answer("é");
            tcp_client::survives_pieces(harness, server, &text, &[BEFORE.len() + 1])
        },
    },
    tcp_client::server_leaves::<Asks>(),
    tcp_client::server_resets::<Asks>(&["sends"]),
    tcp_client::no_server(&["sends"]),
];

const BEFORE: &[u8] = b"I got \"";
const AFTER: &[u8] = b"\" from you and I am sending it back.";

fn answer(text: &str) -> Vec<u8> {
    [BEFORE, text.as_bytes(), AFTER].concat()
}

fn ask(
    harness: &mut Harness<'_>,
    client: &mut Connection,
    text: &str,
    suspect: &'static m::Misconception,
) -> Step {
    steps::exchange(harness, client, &[text.as_bytes()], &answer(text), suspect)
}
