//! CMPU4021: a TCP echo, one message a client.

use lab_judge::cases::common;
use lab_judge::cases::echo::{self, Echo};
use lab_judge::cases::shared::{self, Client};
use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::misconceptions as m;
use lab_judge::ports::Protocol;
use lab_judge::stage::Stage;
use lab_judge::verdict::Step;

pub static EXERCISE: Exercise = Exercise {
    name: "cmpu-tcp-echo",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "cmpu-tcp-echo-server",
            arguments: "--host {host} --port {port}",
            host: Host::Loopback,
            port: 9900,
            protocol: Protocol::Tcp,
            cases: SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "cmpu-tcp-echo-client",
            arguments: "--host {host} --port {port}",
            host: Host::Loopback,
            port: 9900,
            protocol: Protocol::Tcp,
            cases: CLIENT,
            remark: "",
        },
    ],
};

static SERVER: &[Case] = &[
    echo::WHOLE,
    echo::BYTES_AT_ONCE,
    echo::HALF_CLOSE_AT_ONCE,
    shared::goes_on::<Echo>(),
    echo::EXACT_BUFFER_AT_ONCE,
    shared::two_at_once::<Echo>(),
    shared::reset::<Echo>(),
    shared::connect_and_leave::<Echo>(),
    shared::many::<Echo>(),
    shared::at_rest::<Echo>(),
    shared::restart::<Echo>(),
];

/// The client counts what has come back: it ends when that is as much as it sent.
struct Counts;

impl Client for Counts {}

static CLIENT: &[Case] = &[
    shared::sends::<Counts>(),
    Case {
        id: "prints",
        name: "prints all of the echo and ends",
        rests_on: &["sends"],
        play: |stage| told(stage, 1024, &m::READS_ONCE),
    },
    Case {
        id: "pieces",
        name: "puts together an echo that arrives one byte at a time",
        rests_on: &["prints"],
        play: |stage| told(stage, 1, &m::READS_ONCE),
    },
    shared::server_leaves::<Counts>(),
    shared::server_resets::<Counts>(&["sends"]),
    shared::no_server::<Counts>(&["sends"]),
];

/// Echoes the message of the client under test, cut here. It prints the echo in pieces: looked at letter by letter.
fn told(stage: &mut Stage<'_>, step: usize, suspect: &'static m::Misconception) -> Step {
    let (mut server, message) = common::meet(stage, Counts::MESSAGE)?;
    // It ends the conversation by itself: what it waits for else shows when the server ends it.
    let message = common::echo_on(stage, &mut server, message, step);
    server.finish_sending();
    common::ends_well(stage, "after its echo had come")?;
    common::has_printed_pieces(stage, &message, suspect)
}
