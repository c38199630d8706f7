//! Distribution transparency: the server socket_5 and its client socket_6.

use super::{Case, Exercise, Host, Kind, Role, common};
use crate::misconceptions::{self as m};
use crate::peers::tcp::Connection;
use crate::ports::Protocol;
use crate::stage::Stage;
use crate::verdict::Step;

pub static EXERCISE: Exercise = Exercise {
    name: "transparency-socket5",
    roles: &[Role {
        kind: Kind::Server,
        package: "transparency-socket5",
        arguments: "--host {host} --port {port}",
        host: Host::Loopback,
        port: 12345,
        protocol: Protocol::Tcp,
        cases: SERVER,
        remark: "",
    }],
};

static SERVER: &[Case] = &[
    Case {
        id: "whole",
        name: "thanks its client and closes the connection",
        rests_on: &[],
        play: |stage| {
            let mut client = stage.serve()?;
            thanks(stage, &mut client)
        },
    },
    Case {
        id: "goes-on",
        name: "serves the next client after one has left",
        rests_on: &["whole"],
        play: |stage| {
            let mut first = stage.serve()?;
            thanks(stage, &mut first)?;
            first.close();
            common::still_serves(stage, &m::ENDS_AFTER_FIRST, thanks)
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
            common::still_serves(stage, &m::DIES_ON_RESET, thanks)
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
            common::still_serves(stage, &m::DIES_ON_RESET, thanks)
        },
    },
    Case {
        id: "many",
        name: "serves 200 clients one after another, and closes each one's socket",
        rests_on: &["goes-on"],
        play: |stage| common::many(stage, 200, thanks),
    },
    Case {
        id: "at-rest",
        name: "rests while nobody says anything, also after clients have left",
        rests_on: &["goes-on"],
        play: |stage| {
            let mut leaves = stage.serve()?;
            thanks(stage, &mut leaves)?;
            leaves.close();
            stage.connect()?.close();
            common::at_rest(stage)
        },
    },
    Case {
        id: "restart",
        name: "can be killed and started again on its port at once",
        rests_on: &["whole"],
        play: |stage| common::restart(stage, thanks),
    },
];

fn thanks(stage: &mut Stage<'_>, client: &mut Connection) -> Step {
    common::message_and_end(stage, client, Some(THANKS))
}

pub static SOCKET6: Exercise = Exercise {
    name: "transparency-socket6",
    roles: &[Role {
        kind: Kind::Client,
        package: "transparency-socket6",
        arguments: "--host {host} --port {port}",
        host: Host::Loopback,
        port: 12345,
        protocol: Protocol::Tcp,
        cases: CLIENT,
        remark: "",
    }],
};

const THANKS: &[u8] = b"Thank you for connecting";

static CLIENT: &[Case] = &[
    Case {
        id: "prints",
        name: "prints the thanks and ends",
        rests_on: &[],
        play: |stage| {
            let listener = stage.listen()?;
            stage.start("")?;
            let mut server = stage.accept(&listener)?;
            server.send(THANKS);
            common::must_print(stage, THANKS, &[], &m::NOT_PRINTED)?;
            server.close();
            common::ends_well(stage, "after the thanks had come")
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
