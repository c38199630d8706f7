//! Distribution transparency: the server socket_5.

use lab_judge::cases::tcp_server::{self, Server};
use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::harness::Harness;
use lab_judge::misconceptions as m;
use lab_judge::peers::tcp::Connection;
use lab_judge::ports::Protocol;
use lab_judge::steps;
use lab_judge::verdict::Step;

#[path = "sheets/transparency_socket5.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "transparency-socket5",
    roles: &[Role {
        kind: Kind::Server,
        package: "transparency-socket5",
        arguments: "--host {host} --port {port}",
        message: "",
        host: Host::Loopback,
        port: 12345,
        protocol: Protocol::Tcp,
        cases: SERVER,
        sheet: sheet::SERVER,
        remark: "",
    }],
};

/// What the server says.
const THANKS: &[u8] = b"Thank you for connecting";

/// The server thanks each client, and closes the connection.
struct Thanks;

impl Server for Thanks {
    fn serves(harness: &mut Harness<'_>, client: &mut Connection) -> Step {
        steps::message_and_end(harness, client, Some(THANKS))
    }
}

static SERVER: &[Case] = &[
    Case {
        id: "whole",
        name: "thanks its client and closes the connection",
        depends_on: &[],
        play: |harness| {
            let mut client = harness.serve()?;
            Thanks::serves(harness, &mut client)
        },
    },
    tcp_server::goes_on::<Thanks>(),
    tcp_server::reset::<Thanks>(),
    Case {
        id: "stays",
        name: "serves the next client while one that was thanked does not close its side",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut stays = harness.serve()?;
            Thanks::serves(harness, &mut stays)?;
            harness.log.did("client 1", "stays");
            steps::still_serves(harness, &m::BLOCKS_ALL, Thanks::serves)
        },
    },
    tcp_server::many::<Thanks>(),
    tcp_server::at_rest::<Thanks>(),
    tcp_server::restart::<Thanks>(),
];
