//! Codio: an echo server for one client, and its client.

use super::{Case, Exercise, Host, Kind, Role, common, echo};
use crate::misconceptions::{self as m};
use crate::peers::tcp::Connection;
use crate::ports::Protocol;
use crate::stage::Stage;
use crate::verdict::Step;

pub static EXERCISE: Exercise = Exercise {
    name: "codio-echo",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "codio-echo-server",
            arguments: "--host {host} --port {port}",
            host: Host::Loopback,
            port: 65432,
            protocol: Protocol::Tcp,
            cases: SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "codio-echo-client",
            arguments: "--host {host} --port {port}",
            host: Host::Loopback,
            port: 65432,
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
        id: "ends",
        name: "ends when its client has left",
        rests_on: &["half-close"],
        play: |stage| {
            let mut client = stage.serve()?;
            echo::hello(stage, &mut client)?;
            client.finish_sending();
            client.hear_end(64);
            client.close();
            common::ends_or_goes_on(stage)
        },
    },
    Case {
        id: "reset",
        name: "does not hang or spin when its client breaks the connection off",
        rests_on: &["whole"],
        play: |stage| {
            let mut client = stage.serve()?;
            client.send_apart(&[b"half a mess"]);
            client.reset();
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
        name: "connects and sends a message",
        rests_on: &[],
        play: |stage| met(stage).map(|_| ()),
    },
    Case {
        id: "prints",
        name: "prints the echo and ends",
        rests_on: &["sends"],
        play: |stage| {
            let (mut server, message) = met(stage)?;
            server.send_apart(&[&message]);
            common::must_print(stage, &message, &[], &m::NOT_PRINTED)?;
            server.finish_sending();
            common::ends_well(stage, "after its echo had come")
        },
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
        play: |stage| common::nobody_listens(stage, ""),
    },
];

/// Meets the client under test and hears its first message.
fn met(stage: &mut Stage<'_>) -> Step<(Connection, Vec<u8>)> {
    common::meet(stage, "")
}
