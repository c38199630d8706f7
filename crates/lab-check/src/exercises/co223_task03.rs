//! CO223, task 3: an echo server that continues, and its client.

use lab_judge::cases::echo::{self, Echo};
use lab_judge::cases::tcp_client::{self, Client};
use lab_judge::cases::tcp_server;
use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::harness::Harness;
use lab_judge::misconceptions as m;
use lab_judge::ports::Protocol;
use lab_judge::steps;
use lab_judge::verdict::Step;

#[path = "sheets/co223_task03.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "co223-task03",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "co223-task03-server",
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
            package: "co223-task03-client",
            arguments: "--host {host} --port {port} {message}",
            message: "Hello, server!",
            host: Host::OwnName,
            port: 1234,
            protocol: Protocol::Tcp,
            cases: CLIENT,
            sheet: sheet::CLIENT,
            remark: "",
        },
    ],
};

static SERVER: &[Case] = &[
    echo::WHOLE,
    echo::SEVERAL,
    echo::PIECES,
    echo::CUT_CHARACTER,
    echo::BYTES,
    echo::EXACT_BUFFER,
    echo::LARGE_MESSAGE,
    echo::SLOW_READER,
    echo::HALF_CLOSE,
    tcp_server::goes_on::<Echo>(),
    tcp_server::two_at_once::<Echo>(),
    tcp_server::reset::<Echo>(),
    tcp_server::connect_and_leave::<Echo>(),
    tcp_server::many::<Echo>(),
    tcp_server::at_rest::<Echo>(),
    tcp_server::restart::<Echo>(),
];

/// The client sends its message and shows the echo.
struct Shows;

impl Client for Shows {}

static CLIENT: &[Case] = &[
    tcp_client::sends::<Shows>(),
    tcp_client::message_characters::<Shows>(),
    Case {
        id: "prints",
        name: "prints the echo and ends, while the server keeps the connection open",
        depends_on: &["sends"],
        play: |harness| {
            let (mut server, message) = steps::meet(harness, "")?;
            let message = steps::echo_on(harness, &mut server, message, usize::MAX);
            steps::must_print_now(harness, &mut server, &message, &m::NOT_PRINTED)?;
            server.finish_sending();
            steps::ends_well(harness, "after its echo had come")?;
            steps::must_print_what_came(harness, &message)
        },
    },
    Case {
        id: "pieces",
        name: "puts together an echo that arrives one byte at a time",
        depends_on: &["prints"],
        play: |harness| told(harness, "", &m::READS_ONCE),
    },
    Case {
        id: "cut-character",
        name: "puts together the characters of an echo that are cut in two",
        depends_on: &["message-characters", "pieces"],
        play: |harness| told(harness, "é日𝄞", &m::DECODES_PIECES),
    },
    tcp_client::server_leaves::<Shows>(),
    tcp_client::server_resets::<Shows>(&["sends"]),
    tcp_client::no_server(&["sends"]),
];

/// Echoes the message of the client under test byte by byte, and expects it in its output.
fn told(harness: &mut Harness<'_>, message: &str, suspect: &'static m::Misconception) -> Step {
    let (mut server, message) = steps::meet(harness, message)?;
    let message = steps::echo_on(harness, &mut server, message, 1);
    let cuts: Vec<usize> = (1..message.len()).collect();
    // A client that prints each piece as it comes is right as well: compared without line ends.
    steps::must_print_joined(harness, &message, &cuts, suspect)?;
    server.finish_sending();
    steps::ends_well(harness, "after its echo had come")
}
