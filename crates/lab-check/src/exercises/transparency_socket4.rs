//! Distribution transparency: the client socket_4, which asks a web server for a page.

use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::harness::Harness;
use lab_judge::misconceptions::{self as m, Misconception};
use lab_judge::peers::tcp::{Connection, ReadEnd};
use lab_judge::ports::Protocol;
use lab_judge::process::{Ended, contains};
use lab_judge::steps;
use lab_judge::verdict::{Step, differs, wrong};

#[path = "sheets/transparency_socket4.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "transparency-socket4",
    roles: &[Role {
        kind: Kind::Client,
        package: "transparency-socket4",
        arguments: "--host {host} --port {port}",
        message: "",
        host: Host::Internet,
        port: 80,
        protocol: Protocol::Tcp,
        cases: CLIENT,
        sheet: sheet::CLIENT,
        remark: "",
    }],
};

/// A page that a client can be recognized by.
const PAGE: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\nConnection: close\r\n\r\nlab check";
/// One in Latin-1, as its head says.
const LATIN: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Length: 4\r\nConnection: close\r\n\r\ncaf\xe9";
/// One after which the connection stays.
const KEPT: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static CLIENT: &[Case] = &[
    Case {
        id: "ends-request",
        name: "sends a request that ends with an empty line",
        depends_on: &[],
        play: |harness| request(harness).map(|_| ()),
    },
    Case {
        id: "get",
        name: "asks with GET, a path and HTTP/1.1",
        depends_on: &["ends-request"],
        play: |harness| {
            let (_, head) = request(harness)?;
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
                    "The first line is not a GET request of HTTP/1.1.",
                    b"GET / HTTP/1.1",
                    line.as_bytes(),
                )),
            }
        },
    },
    Case {
        id: "crlf",
        name: "ends every line of the request with CRLF",
        depends_on: &["ends-request"],
        play: |harness| {
            let (_, head) = request(harness)?;
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
        depends_on: &["ends-request"],
        play: |harness| {
            let (_, head) = request(harness)?;
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
        name: "prints the part of the page that came, and ends with exit code 0",
        depends_on: &["ends-request"],
        play: |harness| {
            replied(harness, PAGE, &[], &m::NOT_PRINTED)?;
            steps::must_print(harness, b"200 OK", &[], &m::NOT_PRINTED)
        },
    },
    Case {
        id: "in-pieces",
        name: "accepts a reply that comes in pieces, cut within its head",
        depends_on: &["prints"],
        play: |harness| {
            replied(harness, PAGE, &[12, 20, 60], &m::ONE_RECV)?;
            // The sheet's program calls recv once.
            let printed = harness.program()?.stdout().head;
            if !contains(&printed, b"lab check") {
                harness.note(
                    "only a first piece of the page was shown: one recv gives what has arrived so far, as the sheet has it",
                );
            }
            steps::must_print(harness, &PAGE[..12], &[], &m::ONE_RECV)
        },
    },
    Case {
        id: "bytes",
        name: "accepts a page that is not in UTF-8",
        depends_on: &["prints"],
        play: |harness| replied(harness, LATIN, &[], &m::HTTP_DECODES),
    },
    Case {
        id: "kept-open",
        name: "ends although the server keeps the connection open, unless it asked it to close",
        depends_on: &["prints"],
        play: |harness| {
            let (mut server, head) = request(harness)?;
            server.send(KEPT);
            let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
            let asked = head
                .lines()
                .any(|line| line.starts_with("connection:") && line.contains("close"));
            if asked {
                // Then a server has to close (RFC 9112, section
                // 9.6), and the client may wait for it.
                server.finish_sending();
            }
            ends_well(harness, &m::HTTP_KEPT_OPEN)
        },
    },
    Case {
        id: "cut-short",
        name: "ends when the server leaves without a page",
        depends_on: &["ends-request"],
        play: |harness| {
            let (server, _) = request(harness)?;
            server.close();
            steps::ends_with_failure(harness, "after the server had left without a page")
        },
    },
    Case {
        id: "no-server",
        name: "fails with an exit code other than 0 when no server listens",
        depends_on: &["ends-request"],
        play: |harness| steps::nobody_listens(harness, ""),
    },
];

/// Answers the client under test with this, cut so, and closes; the client has to end well.
fn replied(
    harness: &mut Harness<'_>,
    page: &[u8],
    cuts: &[usize],
    suspect: &'static Misconception,
) -> Step {
    let (mut server, _) = request(harness)?;
    // A client that has read its one piece may be gone already.
    let _taken = server.send_apart(&steps::cut(page, cuts));
    server.finish_sending();
    ends_well(harness, suspect)
}

fn ends_well(harness: &mut Harness<'_>, suspect: &'static Misconception) -> Step {
    let patience = harness.patience();
    match harness.ends_within(patience, "after the page had come", suspect)? {
        Ended::Code(0) => Ok(()),
        ended => Err(wrong(
            suspect,
            format!("The page came, and then the program {ended}."),
        )),
    }
}

/// Hears the request of the client under test, up to the empty
/// line that ends its head; bare line ends are taken here.
fn request(harness: &mut Harness<'_>) -> Step<(Connection, Vec<u8>)> {
    let listener = harness.listen()?;
    harness.start("")?;
    let mut server = harness.accept(&listener)?;
    let received = server.read_head(64 * 1024);
    if received.end == ReadEnd::Complete {
        return Ok((server, received.bytes));
    }
    let ending = harness.ending(received.end);
    Err(wrong(
        &m::NO_BLANK_LINE,
        format!(
            "{} bytes of a request came without an empty line at their end, {ending}.",
            received.bytes.len()
        ),
    ))
}
