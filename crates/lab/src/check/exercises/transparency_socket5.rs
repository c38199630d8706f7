//! Distribution transparency: the server socket_5 and its client socket_6.

use super::shared::{self, Client, Server};
use super::{Case, Exercise, Host, Kind, Role, common};
use crate::misconceptions as m;
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

/// The server thanks each client, and closes the connection.
struct Thanks;

impl Server for Thanks {
    fn serves(stage: &mut Stage<'_>, client: &mut Connection) -> Step {
        common::message_and_end(stage, client, Some(THANKS))
    }
}

static SERVER: &[Case] = &[
    Case {
        id: "whole",
        name: "thanks its client and closes the connection",
        rests_on: &[],
        play: |stage| {
            let mut client = stage.serve()?;
            Thanks::serves(stage, &mut client)
        },
    },
    shared::goes_on::<Thanks>(),
    shared::reset::<Thanks>(),
    shared::many::<Thanks>(),
    shared::at_rest::<Thanks>(),
    shared::restart::<Thanks>(),
];

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

/// The client waits for the thanks and shows them.
struct Thanked;

impl Client for Thanked {
    fn meets(stage: &mut Stage<'_>) -> Step<Connection> {
        common::meet_silent(stage)
    }
}

static CLIENT: &[Case] = &[
    Case {
        id: "prints",
        name: "prints the thanks and ends",
        rests_on: &[],
        play: |stage| {
            let mut server = Thanked::meets(stage)?;
            server.send(THANKS);
            common::must_print(stage, THANKS, &[], &m::NOT_PRINTED)?;
            server.close();
            common::ends_well(stage, "after the thanks had come")
        },
    },
    shared::server_resets::<Thanked>(&["prints"]),
    shared::no_server::<Thanked>(&["prints"]),
];
