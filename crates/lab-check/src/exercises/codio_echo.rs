//! Codio: an echo server for one client, and its client.

use lab_judge::cases::echo::{self, Echo};
use lab_judge::cases::tcp_client::{self, Client};
use lab_judge::cases::tcp_server;
use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::misconceptions as m;
use lab_judge::ports::Protocol;
use lab_judge::steps;

#[path = "sheets/codio_echo.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "codio-echo",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "codio-echo-server",
            arguments: "--host {host} --port {port}",
            message: "",
            host: Host::Loopback,
            port: 65432,
            protocol: Protocol::Tcp,
            cases: SERVER,
            sheet: sheet::SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "codio-echo-client",
            arguments: "--host {host} --port {port}",
            message: "Hello, world",
            host: Host::Loopback,
            port: 65432,
            protocol: Protocol::Tcp,
            cases: CLIENT,
            sheet: sheet::CLIENT,
            remark: "",
        },
    ],
};

static SERVER: &[Case] = &[
    echo::WHOLE,
    echo::SEVERAL,
    echo::PIECES,
    echo::CUT_CHARACTER,
    echo::BYTES,
    echo::EXACT_BUFFER,
    echo::LARGE_MESSAGE,
    echo::SLOW_READER,
    echo::HALF_CLOSE,
    tcp_server::ends::<Echo>(),
    tcp_server::only_client_resets::<Echo>(),
    tcp_server::silent_client::<Echo>(),
    tcp_server::restart::<Echo>(),
];

/// The client sends a message and shows what one recv gives.
struct OneRecv;

impl Client for OneRecv {}

static CLIENT: &[Case] = &[
    tcp_client::sends::<OneRecv>(),
    Case {
        id: "prints",
        name: "prints the echo and ends, while the server keeps the connection open",
        depends_on: &["sends"],
        play: |harness| {
            let (mut server, message) = steps::meet(harness, "")?;
            server.send_apart(&[&message]);
            steps::must_print_now(harness, &mut server, &message, &m::NOT_PRINTED)?;
            server.finish_sending();
            steps::ends_well(harness, "after its echo had come")?;
            steps::must_print_what_came(harness, &message)
        },
    },
    tcp_client::server_leaves::<OneRecv>(),
    tcp_client::server_resets::<OneRecv>(&["sends"]),
    tcp_client::no_server(&["sends"]),
];
