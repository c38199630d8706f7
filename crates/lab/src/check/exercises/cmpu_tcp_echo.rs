//! CMPU4021: a TCP echo, one message a client.

use super::{Case, Exercise, Host, Kind, Role, common, echo};
use crate::misconceptions::{self as m};
use crate::peers::tcp::Connection;
use crate::ports::Protocol;
use crate::stage::Stage;
use crate::verdict::Step;

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
    Case {
        id: "whole",
        name: "sends a message back",
        rests_on: &[],
        play: echo::whole,
    },
    Case {
        id: "bytes",
        name: "sends back the very bytes, also those that are no text",
        rests_on: &["whole"],
        play: |stage| {
            let mut client = stage.serve()?;
            let all = common::all_bytes();
            common::exchange(stage, &mut client, &[&all], &all, &m::MANGLES_BINARY)
        },
    },
    Case {
        id: "closes",
        name: "closes the connection after its one message",
        rests_on: &["whole"],
        play: |stage| {
            let mut client = stage.serve()?;
            echo::hello(stage, &mut client)?;
            client.finish_sending();
            let end = client.hear_end(64);
            common::must_close(stage, &end)
        },
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

const MESSAGE: &str = "";

/// Meets the client under test and hears its first message.
fn met(stage: &mut Stage<'_>) -> Step<(Connection, Vec<u8>)> {
    common::meet(stage, MESSAGE)
}

/// Echoes the message of the client under test, cut here. It prints the echo in pieces: looked at letter by letter.
fn told(stage: &mut Stage<'_>, step: usize, suspect: &'static m::Misconception) -> Step {
    let (mut server, message) = met(stage)?;
    let cuts: Vec<usize> = (step..message.len()).step_by(step).collect();
    server.send_apart(&common::cut(&message, &cuts));
    common::ends_well(stage, "after its echo had come")?;
    common::has_printed_pieces(stage, &message, suspect)
}
