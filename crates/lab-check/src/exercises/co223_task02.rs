//! CO223, task 2: the server sends a message to each client and closes.

use lab_judge::cases::tcp_client::{self, Client};
use lab_judge::cases::tcp_server::{self, Server};
use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::harness::Harness;
use lab_judge::misconceptions as m;
use lab_judge::peers::tcp::Connection;
use lab_judge::ports::Protocol;
use lab_judge::steps;
use lab_judge::verdict::Step;

#[path = "sheets/co223_task02.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "co223-task02",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "co223-task02-server",
            arguments: "--host {host} --port {port}",
            message: "",
            host: Host::OwnName,
            port: 1234,
            protocol: Protocol::Tcp,
            cases: SERVER,
            sheet: sheet::SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "co223-task02-client",
            arguments: "--host {host} --port {port}",
            message: "",
            host: Host::OwnName,
            port: 1234,
            protocol: Protocol::Tcp,
            cases: CLIENT,
            sheet: sheet::CLIENT,
            remark: "",
        },
    ],
};

/// The server sends a message, any, and closes the connection.
struct Welcome;

impl Server for Welcome {
    fn serves(harness: &mut Harness<'_>, client: &mut Connection) -> Step {
        steps::message_and_end(harness, client, None)
    }
}

static SERVER: &[Case] = &[
    Case {
        id: "whole",
        name: "sends a message to its client and closes the connection",
        depends_on: &[],
        play: |harness| {
            let mut client = harness.serve()?;
            Welcome::serves(harness, &mut client)
        },
    },
    tcp_server::goes_on::<Welcome>(),
    tcp_server::reset::<Welcome>(),
    tcp_server::many::<Welcome>(),
    tcp_server::at_rest::<Welcome>(),
    tcp_server::restart::<Welcome>(),
];

/// The client reads to the end of the connection.
struct Reads;

impl Client for Reads {
    fn meets(harness: &mut Harness<'_>) -> Step<Connection> {
        steps::meet_silent(harness)
    }
}

static CLIENT: &[Case] = &[
    Case {
        id: "prints",
        name: "prints the message and ends",
        depends_on: &[],
        play: |harness| told(harness, b"Welcome to the server!", &[], &m::NOT_PRINTED),
    },
    Case {
        id: "pieces",
        name: "puts together a message that arrives in pieces",
        depends_on: &["prints"],
        play: |harness| told(harness, b"Welcome in pieces", &[1, 2, 7, 8], &m::READS_ONCE),
    },
    Case {
        id: "cut-character",
        name: "puts together a character that is cut in two",
        depends_on: &["pieces"],
        play: |harness| {
            told(
                harness,
                "é日𝄞".as_bytes(),
                &[1, 3, 4, 6, 7, 8],
                &m::DECODES_PIECES,
            )
        },
    },
    Case {
        id: "large",
        name: "takes a message of 100 KiB",
        depends_on: &["pieces"],
        play: |harness| {
            let text = steps::filler(harness, 100 * 1024);
            told(harness, &text, &[], &m::READS_ONCE)
        },
    },
    tcp_client::server_resets::<Reads>(&["prints"]),
    tcp_client::no_server(&["prints"]),
];

/// Sends a message to the client under test, closes, and expects it in its output.
fn told(
    harness: &mut Harness<'_>,
    text: &[u8],
    cuts: &[usize],
    suspect: &'static m::Misconception,
) -> Step {
    let mut server = Reads::meets(harness)?;
    server.send_apart(&steps::cut(text, cuts));
    // One that speaks first sees the end all the same.
    let said = server.close_last();
    if !said.is_empty() {
        harness.note(
            "the program sends something, which the sheet's server never reads: its close then breaks the connection off",
        );
    }
    steps::must_print(harness, text, cuts, suspect)?;
    steps::ends_well(harness, "after the message had come")
}
