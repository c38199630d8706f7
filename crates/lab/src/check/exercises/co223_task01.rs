//! CO223, task 1: a connection and nothing else.

use super::{Case, Exercise, Host, Kind, Role, common};
use crate::misconceptions::{self as m};
use crate::peers::tcp::Connection;
use crate::ports::Protocol;
use crate::stage::Stage;
use crate::verdict::Step;

pub static EXERCISE: Exercise = Exercise {
    name: "co223-task01",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "co223-task01-server",
            arguments: "--host {host} --port {port}",
            host: Host::OwnName,
            port: 1234,
            protocol: Protocol::Tcp,
            cases: SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "co223-task01-client",
            arguments: "--host {host} --port {port}",
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
        name: "accepts a client and says so with its address",
        rests_on: &[],
        play: |stage| {
            let mut client = stage.serve()?;
            established(stage, &mut client)
        },
    },
    Case {
        id: "goes-on",
        name: "serves the next client after one has left",
        rests_on: &["whole"],
        play: |stage| {
            let mut first = stage.serve()?;
            established(stage, &mut first)?;
            first.close();
            common::still_serves(stage, &m::ENDS_AFTER_FIRST, established)
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
            common::still_serves(stage, &m::DIES_ON_RESET, established)
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
            common::still_serves(stage, &m::DIES_ON_RESET, established)
        },
    },
    Case {
        id: "many",
        name: "serves 200 clients one after another, and closes each one's socket",
        rests_on: &["goes-on"],
        play: |stage| common::many(stage, 200, established),
    },
    Case {
        id: "at-rest",
        name: "rests while nobody says anything, also after clients have left",
        rests_on: &["goes-on"],
        play: |stage| {
            let mut leaves = stage.serve()?;
            established(stage, &mut leaves)?;
            leaves.close();
            stage.connect()?.close();
            common::at_rest(stage)
        },
    },
    Case {
        id: "restart",
        name: "can be killed and started again on its port at once",
        rests_on: &["whole"],
        play: |stage| common::restart(stage, established),
    },
];

static CLIENT: &[Case] = &[
    Case {
        id: "connects",
        name: "connects, and ends by itself with exit code 0",
        rests_on: &[],
        play: |stage| {
            let listener = stage.listen()?;
            stage.start("")?;
            let mut server = stage.accept(&listener)?;
            server.finish_sending();
            common::ends_well(stage, "after it had connected")
        },
    },
    Case {
        id: "no-server",
        name: "fails with an exit code other than 0 when nobody listens",
        rests_on: &["connects"],
        play: |stage| common::nobody_listens(stage, ""),
    },
];

/// The server prints a line that names the client's port.
fn established(stage: &mut Stage<'_>, client: &mut Connection) -> Step {
    let port = client.port().to_string();
    common::must_print(stage, port.as_bytes(), &[], &m::NEVER_ACCEPTS)
}
