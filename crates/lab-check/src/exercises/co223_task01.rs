//! CO223, task 1: a connection and nothing else.

use lab_judge::cases::tcp_client::{self, Client};
use lab_judge::cases::tcp_server::{self, Server};
use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::harness::Harness;
use lab_judge::misconceptions as m;
use lab_judge::peers::tcp::Connection;
use lab_judge::ports::Protocol;
use lab_judge::process::contains;
use lab_judge::steps;
use lab_judge::verdict::{Step, wrong};

#[path = "sheets/co223_task01.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "co223-task01",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "co223-task01-server",
            arguments: "--host {host} --port {port}",
            message: "",
            host: Host::OwnName,
            port: 1234,
            protocol: Protocol::Tcp,
            cases: SERVER,
            sheet: sheet::SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "co223-task01-client",
            arguments: "--host {host} --port {port}",
            message: "",
            host: Host::OwnName,
            port: 1234,
            protocol: Protocol::Tcp,
            cases: CLIENT,
            sheet: sheet::CLIENT,
            remark: "",
        },
    ],
};

/// The server says in a line which client it has accepted.
struct Established;

impl Server for Established {
    fn serves(harness: &mut Harness<'_>, client: &mut Connection) -> Step {
        let port = client.port().to_string();
        let ip = harness.address.ip().to_string();
        let has_port = |printed: &[u8]| contains(printed, port.as_bytes());
        let said = steps::prints(harness, |printed| {
            has_port(printed) || says_only(printed, &ip)
        })?;
        if let Some(printed) = said {
            if !has_port(&printed) {
                harness.note_once("the line has the client's IP address without its port, which the sheet's line has");
            }
            // The next client's line is another.
            harness.program()?.forget_output();
            return Ok(());
        }
        let in_vain = harness.limit().in_vain();
        Err(match client.accepted() {
            Some(false) => wrong(
                &m::NEVER_ACCEPTS,
                format!("The client is connected, but was never accepted {in_vain}."),
            ),
            _ => wrong(
                &m::SAYS_NOTHING,
                format!(
                    "A client connected from {ip}, port {port}, but no line with that address came out of the program {in_vain}."
                ),
            ),
        })
    }
}

/// Whether a line has an IP address and no number after
/// it: a number there is a port, and not the right one.
fn says_only(printed: &[u8], ip: &str) -> bool {
    let text = String::from_utf8_lossy(printed);
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().any(|line| {
        line.split_once(ip)
            .is_some_and(|(_, after)| !after.contains(|c: char| c.is_ascii_digit()))
    })
}

static SERVER: &[Case] = &[
    Case {
        id: "whole",
        name: "accepts a client and says so with its address",
        depends_on: &[],
        play: |harness| {
            let mut client = harness.serve()?;
            Established::serves(harness, &mut client)
        },
    },
    tcp_server::goes_on::<Established>(),
    tcp_server::reset::<Established>(),
    Case {
        id: "silent-client",
        name: "accepts the next client while one stays connected and says nothing",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut silent = harness.serve()?;
            Established::serves(harness, &mut silent)?;
            steps::still_serves(harness, &m::BLOCKS_ALL, Established::serves)
        },
    },
    tcp_server::many::<Established>(),
    tcp_server::at_rest::<Established>(),
    tcp_server::restart::<Established>(),
];

/// The client connects and says nothing.
struct Connects;

impl Client for Connects {
    fn meets(harness: &mut Harness<'_>) -> Step<Connection> {
        steps::meet_silent(harness)
    }
}

static CLIENT: &[Case] = &[
    Case {
        id: "connects",
        name: "connects, and ends by itself with exit code 0",
        depends_on: &[],
        play: |harness| {
            let mut server = Connects::meets(harness)?;
            server.finish_sending();
            steps::ends_well(harness, "after it had connected")
        },
    },
    tcp_client::no_server(&["connects"]),
];
