//! CO223, task 3: an echo server that goes on, and its client.

use super::{Case, Exercise, Host, Kind, Role, common, echo};
use crate::misconceptions::{self as m};
use crate::peers::tcp::Connection;
use crate::ports::Protocol;
use crate::stage::Stage;
use crate::verdict::Step;

pub static EXERCISE: Exercise = Exercise {
    name: "co223-task03",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "co223-task03-server",
            arguments: "--host {host} --port {port}",
            host: Host::OwnName,
            port: 1234,
            protocol: Protocol::Tcp,
            cases: SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "co223-task03-client",
            arguments: "--host {host} --port {port} {message}",
            host: Host::OwnName,
            port: 1234,
            protocol: Protocol::Tcp,
            cases: CLIENT,
            remark: "",
        },
    ],
};

static SERVER: &[Case] = &[
    Case {
        id: "whole",
        name: "sends a message back",
        rests_on: &[],
        play: echo::whole,
    },
    Case {
        id: "several",
        name: "sends several messages back, one after the other",
        rests_on: &["whole"],
        play: echo::several,
    },
    Case {
        id: "pieces",
        name: "sends back what arrives one byte at a time",
        rests_on: &["several"],
        play: echo::pieces,
    },
    Case {
        id: "bytes",
        name: "sends back the very bytes, also those that are no text",
        rests_on: &["several"],
        play: echo::bytes,
    },
    Case {
        id: "large",
        name: "sends a mebibyte back, whole",
        rests_on: &["several"],
        play: echo::large,
    },
    Case {
        id: "slow-reader",
        name: "sends all of it back to a client that reads slowly",
        rests_on: &["large"],
        play: echo::slow_reader,
    },
    Case {
        id: "half-close",
        name: "still answers a client that has ended its own direction, then closes",
        rests_on: &["several"],
        play: echo::half_close,
    },
    Case {
        id: "goes-on",
        name: "serves the next client after one has left",
        rests_on: &["whole"],
        play: |stage| {
            let mut first = stage.serve()?;
            echo::hello(stage, &mut first)?;
            first.close();
            common::still_serves(stage, &m::ENDS_AFTER_FIRST, echo::hello)
        },
    },
    Case {
        id: "reset",
        name: "goes on when a client breaks its connection off",
        rests_on: &["goes-on"],
        play: |stage| {
            let mut client = stage.serve()?;
            client.send_apart(&[b"half a mess"]);
            client.reset();
            common::still_serves(stage, &m::DIES_ON_RESET, echo::hello)
        },
    },
    Case {
        id: "connect-and-leave",
        name: "goes on when clients connect and say nothing",
        rests_on: &["goes-on"],
        play: |stage| {
            stage.serve()?.close();
            stage.connect()?.reset();
            stage.connect()?.close();
            common::still_serves(stage, &m::DIES_ON_RESET, echo::hello)
        },
    },
    Case {
        id: "many",
        name: "serves 200 clients one after another, and closes each one's socket",
        rests_on: &["goes-on"],
        play: |stage| common::many(stage, 200, echo::hello),
    },
    Case {
        id: "at-rest",
        name: "rests while nobody says anything, also after clients have left",
        rests_on: &["goes-on"],
        play: |stage| {
            let mut leaves = stage.serve()?;
            echo::hello(stage, &mut leaves)?;
            leaves.close();
            stage.connect()?.close();
            common::at_rest(stage)
        },
    },
    Case {
        id: "restart",
        name: "can be killed and started again on its port at once",
        rests_on: &["whole"],
        play: |stage| common::restart(stage, echo::hello),
    },
];

static CLIENT: &[Case] = &[
    Case {
        id: "sends",
        name: "connects and sends its message",
        rests_on: &[],
        play: |stage| met(stage).map(|_| ()),
    },
    Case {
        id: "prints",
        name: "prints the echo and ends",
        rests_on: &["sends"],
        play: |stage| told(stage, 1024, &m::NOT_PRINTED),
    },
    Case {
        id: "pieces",
        name: "puts together an echo that arrives one byte at a time",
        rests_on: &["prints"],
        play: |stage| told(stage, 1, &m::READS_ONCE),
    },
    Case {
        id: "server-leaves",
        name: "ends when the server leaves without an answer",
        rests_on: &["sends"],
        play: |stage| {
            let (server, _) = met(stage)?;
            server.close();
            common::ends_with_failure(stage, "after the server had left without an answer")
        },
    },
    Case {
        id: "server-resets",
        name: "ends when the server breaks the connection off",
        rests_on: &["sends"],
        play: |stage| {
            let (server, _) = met(stage)?;
            server.reset();
            common::ends_with_failure(stage, "after the server had broken the connection off")
        },
    },
    Case {
        id: "no-server",
        name: "fails with an exit code other than 0 when nobody listens",
        rests_on: &["sends"],
        play: |stage| common::nobody_listens(stage, MESSAGE),
    },
];

const MESSAGE: &str = "Hello, server!";

/// Meets the client under test and hears its first message.
fn met(stage: &mut Stage<'_>) -> Step<(Connection, Vec<u8>)> {
    common::meet(stage, MESSAGE)
}

/// Echoes the message of the client under test, cut here, and expects it in its output.
fn told(stage: &mut Stage<'_>, step: usize, suspect: &'static m::Misconception) -> Step {
    let (mut server, message) = met(stage)?;
    let cuts: Vec<usize> = (step..message.len()).step_by(step).collect();
    server.send_apart(&common::cut(&message, &cuts));
    // A client that prints each piece as it comes is right as well: compared without line ends.
    common::must_print_joined(stage, &message, &cuts, suspect)?;
    server.finish_sending();
    common::ends_well(stage, "after its echo had come")
}
