//! CMPU4021: a TCP echo, one message a client.

use lab_judge::cases::echo::{self, Echo};
use lab_judge::cases::tcp_client::{self, Client};
use lab_judge::cases::tcp_server;
use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::harness::Harness;
use lab_judge::misconceptions as m;
use lab_judge::ports::Protocol;
use lab_judge::steps;
use lab_judge::verdict::Step;

#[path = "sheets/cmpu_tcp_echo.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "cmpu-tcp-echo",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "cmpu-tcp-echo-server",
            arguments: "--host {host} --port {port}",
            message: "",
            host: Host::Loopback,
            port: 9900,
            protocol: Protocol::Tcp,
            cases: SERVER,
            sheet: sheet::SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "cmpu-tcp-echo-client",
            arguments: "--host {host} --port {port}",
            message: "Test message. This will be echoed",
            host: Host::Loopback,
            port: 9900,
            protocol: Protocol::Tcp,
            cases: CLIENT,
            sheet: sheet::CLIENT,
            remark: "",
        },
    ],
};

static SERVER: &[Case] = &[
    echo::WHOLE,
    echo::BYTES_AT_ONCE,
    echo::HALF_CLOSE_AT_ONCE,
    tcp_server::goes_on::<Echo>(),
    echo::EXACT_BUFFER_AT_ONCE,
    tcp_server::two_at_once::<Echo>(),
    tcp_server::reset::<Echo>(),
    tcp_server::connect_and_leave::<Echo>(),
    tcp_server::many::<Echo>(),
    tcp_server::at_rest::<Echo>(),
    tcp_server::restart::<Echo>(),
];

/// The client counts what has come back: it ends when that is as much as it sent.
struct Counts;

impl Client for Counts {}

static CLIENT: &[Case] = &[
    tcp_client::sends::<Counts>(),
    Case {
        id: "prints",
        name: "prints all of the echo and ends",
        depends_on: &["sends"],
        play: |harness| told(harness, 1024, &m::READS_ONCE),
    },
    Case {
        id: "pieces",
        name: "puts together an echo that arrives one byte at a time",
        depends_on: &["prints"],
        play: |harness| told(harness, 1, &m::READS_ONCE),
    },
    tcp_client::server_leaves::<Counts>(),
    tcp_client::server_resets::<Counts>(&["sends"]),
    tcp_client::no_server(&["sends"]),
];

/// Echoes the message of the client under test, cut here. It
/// prints the echo in pieces: looked at letter by letter.
fn told(harness: &mut Harness<'_>, step: usize, suspect: &'static m::Misconception) -> Step {
    let (mut server, message) = steps::meet(harness, "")?;
    // It ends the conversation by itself: what it waits for else shows when the server ends it.
    let message = steps::echo_on(harness, &mut server, message, step);
    server.finish_sending();
    steps::ends_well(harness, "after its echo had come")?;
    steps::has_printed_pieces(harness, &message, suspect)
}
