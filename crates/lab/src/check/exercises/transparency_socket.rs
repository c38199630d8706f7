//! Distribution transparency: the programs socket_3 to socket_6.

use super::{Case, Exercise, Host, Kind, Role, common};
use crate::misconceptions::{self as m};
use crate::peers::tcp::{Connection, HeardEnd};
use crate::ports::Protocol;
use crate::stage::Stage;
use crate::verdict::{Step, differs, wrong};

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

pub static SOCKET3: Exercise = Exercise {
    name: "transparency-socket3",
    roles: &[Role {
        kind: Kind::Client,
        package: "transparency-socket3",
        arguments: "--host {host} --port {port}",
        host: Host::Loopback,
        port: 80,
        protocol: Protocol::Tcp,
        cases: CONNECTS,
        remark: "",
    }],
};

static CONNECTS: &[Case] = &[
    Case {
        id: "connects",
        name: "connects, says with which address, and ends with exit code 0",
        rests_on: &[],
        play: |stage| {
            let listener = stage.listen()?;
            stage.start("")?;
            let _server = stage.accept(&listener)?;
            let ip = stage.address.ip().to_string();
            common::must_print(stage, ip.as_bytes(), &[], &m::NOT_PRINTED)?;
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

pub static SOCKET4: Exercise = Exercise {
    name: "transparency-socket4",
    roles: &[Role {
        kind: Kind::Client,
        package: "transparency-socket4",
        arguments: "--host {host} --port {port}",
        host: Host::Loopback,
        port: 80,
        protocol: Protocol::Tcp,
        cases: GETS,
        remark: "",
    }],
};

/// A page that a client can be recognised by.
const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nlab check";

static GETS: &[Case] = &[
    Case {
        id: "ends-request",
        name: "sends a request that ends with an empty line",
        rests_on: &[],
        play: |stage| request(stage).map(|_| ()),
    },
    Case {
        id: "get",
        name: "asks with GET, a path and HTTP/1.1",
        rests_on: &["ends-request"],
        play: |stage| {
            let (_, head) = request(stage)?;
            let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let line = String::from_utf8_lossy(line)
                .trim_end_matches('\r')
                .to_string();
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["GET", path, "HTTP/1.1"]
                    if path.starts_with('/') || path.starts_with("http://") =>
                {
                    Ok(())
                }
                _ => Err(differs(
                    &m::BAD_REQUEST,
                    "The first line is no GET request of HTTP/1.1.",
                    b"GET / HTTP/1.1",
                    line.as_bytes(),
                )),
            }
        },
    },
    Case {
        id: "crlf",
        name: "ends every line of the request with CRLF",
        rests_on: &["ends-request"],
        play: |stage| {
            let (_, head) = request(stage)?;
            let bare = (0..head.len())
                .find(|at| head[*at] == b'\n' && (*at == 0 || head[*at - 1] != b'\r'));
            let Some(bare) = bare else { return Ok(()) };
            let mut right = head.clone();
            right.insert(bare, b'\r');
            Err(differs(
                &m::BARE_LF,
                "A line of the request ends with a bare LF.",
                &right,
                &head,
            ))
        },
    },
    Case {
        id: "host",
        name: "names the host in a Host line",
        rests_on: &["ends-request"],
        play: |stage| {
            let (_, head) = request(stage)?;
            let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
            if text.lines().any(|line| line.starts_with("host:")) {
                return Ok(());
            }
            Err(wrong(
                &m::NO_HOST,
                "No line of the request begins with Host:.",
            ))
        },
    },
    Case {
        id: "prints",
        name: "prints what came of the page, and ends",
        rests_on: &["ends-request"],
        play: |stage| {
            let (mut server, _) = request(stage)?;
            server.send(PAGE.as_bytes());
            common::must_print(stage, b"200 OK", &[], &m::NOT_PRINTED)?;
            common::ends_well(stage, "after the page had come")
        },
    },
    Case {
        id: "kept-open",
        name: "ends although the server keeps the connection open",
        rests_on: &["prints"],
        play: |stage| {
            let (mut server, _) = request(stage)?;
            server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            common::ends_well(stage, "after the whole page had come")
        },
    },
    Case {
        id: "cut-short",
        name: "ends when the server leaves without a page",
        rests_on: &["ends-request"],
        play: |stage| {
            let (server, _) = request(stage)?;
            server.close();
            common::ends_with_failure(stage, "after the server had left without a page")
        },
    },
    Case {
        id: "no-server",
        name: "fails with an exit code other than 0 when nobody listens",
        rests_on: &["ends-request"],
        play: |stage| common::nobody_listens(stage, ""),
    },
];

/// Hears the request of the client under test, up to the empty line that ends its head; bare line ends are taken here.
fn request(stage: &mut Stage<'_>) -> Step<(Connection, Vec<u8>)> {
    let listener = stage.listen()?;
    stage.start("")?;
    let mut server = stage.accept(&listener)?;
    let heard = server.hear_head(64 * 1024);
    if heard.end == HeardEnd::Complete {
        return Ok((server, heard.bytes));
    }
    let ending = stage.ending(heard.end);
    Err(wrong(
        &m::NO_BLANK_LINE,
        format!(
            "{} bytes of a request came without an empty line at their end, {ending}.",
            heard.bytes.len()
        ),
    ))
}
