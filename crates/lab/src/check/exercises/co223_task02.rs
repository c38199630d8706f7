//! CO223, task 2: the server sends a message to each client and closes.

use super::{Case, Exercise, Host, Kind, Role, common};
use crate::misconceptions::{self as m};
use crate::peers::tcp::Connection;
use crate::ports::Protocol;
use crate::stage::Stage;
use crate::verdict::Step;

pub static EXERCISE: Exercise = Exercise {
    name: "co223-task02",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "co223-task02-server",
            arguments: "--host {host} --port {port}",
            host: Host::OwnName,
            port: 1234,
            protocol: Protocol::Tcp,
            cases: SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "co223-task02-client",
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
        name: "sends a message to its client and closes the connection",
        rests_on: &[],
        play: |stage| {
            let mut client = stage.serve()?;
            common::message_and_end(stage, &mut client, None)
        },
    },
    Case {
        id: "goes-on",
        name: "serves the next client after one has left",
        rests_on: &["whole"],
        play: |stage| {
            let mut first = stage.serve()?;
            message(stage, &mut first)?;
            first.close();
            common::still_serves(stage, &m::ENDS_AFTER_FIRST, message)
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
            common::still_serves(stage, &m::DIES_ON_RESET, message)
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
            common::still_serves(stage, &m::DIES_ON_RESET, message)
        },
    },
    Case {
        id: "many",
        name: "serves 200 clients one after another, and closes each one's socket",
        rests_on: &["goes-on"],
        play: |stage| common::many(stage, 200, message),
    },
    Case {
        id: "at-rest",
        name: "rests while nobody says anything, also after clients have left",
        rests_on: &["goes-on"],
        play: |stage| {
            let mut leaves = stage.serve()?;
            message(stage, &mut leaves)?;
            leaves.close();
            stage.connect()?.close();
            common::at_rest(stage)
        },
    },
    Case {
        id: "restart",
        name: "can be killed and started again on its port at once",
        rests_on: &["whole"],
        play: |stage| common::restart(stage, message),
    },
];

static CLIENT: &[Case] = &[
    Case {
        id: "prints",
        name: "prints the message and ends",
        rests_on: &[],
        play: |stage| told(stage, b"Welcome to the server!", &[], &m::NOT_PRINTED),
    },
    Case {
        id: "pieces",
        name: "puts together a message that arrives in pieces",
        rests_on: &["prints"],
        play: |stage| told(stage, b"Welcome in pieces", &[1, 2, 7, 8], &m::READS_ONCE),
    },
    Case {
        id: "cut-character",
        name: "puts a character together that is cut in two",
        rests_on: &["pieces"],
        play: |stage| {
            told(
                stage,
                "é日𝄞".as_bytes(),
                &[1, 3, 4, 6, 7, 8],
                &m::DECODES_PIECES,
            )
        },
    },
    Case {
        id: "large",
        name: "takes a message of 100 KiB",
        rests_on: &["pieces"],
        play: |stage| {
            let text = common::filler(stage, 100 * 1024);
            told(stage, &text, &[], &m::READS_ONCE)
        },
    },
    Case {
        id: "server-resets",
        name: "ends when the server breaks the connection off",
        rests_on: &["prints"],
        play: |stage| {
            let listener = stage.listen()?;
            stage.start("")?;
            stage.accept(&listener)?.reset();
            common::ends_with_failure(stage, "after the server had broken the connection off")
        },
    },
    Case {
        id: "no-server",
        name: "fails with an exit code other than 0 when nobody listens",
        rests_on: &["prints"],
        play: |stage| common::nobody_listens(stage, ""),
    },
];

fn message(stage: &mut Stage<'_>, client: &mut Connection) -> Step {
    common::message_and_end(stage, client, None)
}

/// Sends a message to the client under test, closes, and expects it in its output.
fn told(
    stage: &mut Stage<'_>,
    text: &[u8],
    cuts: &[usize],
    suspect: &'static m::Misconception,
) -> Step {
    let listener = stage.listen()?;
    stage.start("")?;
    let mut server = stage.accept(&listener)?;
    server.send_apart(&common::cut(text, cuts));
    server.close();
    common::must_print(stage, text, cuts, suspect)?;
    common::ends_well(stage, "after the message had come")
}
