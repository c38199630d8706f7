//! Distribution transparency: the client socket_3, which connects and says where.

use std::net::ToSocketAddrs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::harness::{Harness, Launch};
use lab_judge::limit::seconds;
use lab_judge::misconceptions::{self as m};
use lab_judge::peers::tcp::ReadEnd;
use lab_judge::ports::Protocol;
use lab_judge::process::{Ended, contains};
use lab_judge::steps;
use lab_judge::verdict::{Step, Stop, wrong};

/// Names below .invalid never resolve (RFC 6761, section 6.4).
const NO_HOST: &str = "no-such-host.invalid";
/// How long this machine's resolver may take to say so.
const RESOLVER_PATIENCE: Duration = Duration::from_secs(5);

#[path = "sheets/transparency_socket3.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "transparency-socket3",
    roles: &[Role {
        kind: Kind::Client,
        package: "transparency-socket3",
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

static CLIENT: &[Case] = &[
    Case {
        id: "connects",
        name: "connects, says with which address, and ends with exit code 0",
        depends_on: &[],
        play: |harness| connects(harness, &Launch::default()),
    },
    Case {
        id: "by-name",
        name: "finds the address that belongs to a name",
        depends_on: &["connects"],
        play: |harness| {
            let launch = Launch {
                host: harness.has_place("host").then_some("localhost"),
                ..Launch::default()
            };
            connects(harness, &launch).map_err(|stop| match stop {
                Stop::Wrong(failure) if launch.host.is_some() => wrong(
                    &m::NAME_NOT_RESOLVED,
                    format!("With localhost for its host: {}", failure.summary),
                ),
                other => other,
            })
        },
    },
    Case {
        id: "unresolved",
        name: "says that a name cannot be resolved, and ends",
        depends_on: &["by-name"],
        play: |harness| {
            let host = if harness.has_place("host") {
                match unresolved_here() {
                    Some(true) => {}
                    Some(false) => {
                        harness.note(format!("this machine's name server gives {NO_HOST} an address, which nobody should (RFC 6761), so this was \
                                            not tried"));
                        return Ok(());
                    }
                    None => {
                        harness.note(format!("this machine's resolver does not say within {} that {NO_HOST} has no address, so this was not \
                                            tried: are its name servers reachable?", seconds(RESOLVER_PATIENCE)));
                        return Ok(());
                    }
                }
                Some(NO_HOST)
            } else if harness.forget_names() {
                None
            } else {
                harness.note("the command has no {host}, so the check could not give it a name");
                return Ok(());
            };
            harness.launch(&Launch {
                host,
                ..Launch::default()
            })?;
            // As slow as our own question may have been, and some more.
            let patience = 2 * RESOLVER_PATIENCE + harness.patience();
            let ended =
                harness.ends_within(patience, "although its host cannot be resolved", &m::HANGS)?;
            if host.is_none() && !harness.tell_names() {
                harness.note("the command has no {host}, and the program asks for no name: its host is an address");
                return Ok(());
            }
            let said = said_of_it(harness)?;
            if said.is_empty() || steps::crashed(harness)? {
                return Err(wrong(
                    &m::RESOLVER_NOT_CAUGHT,
                    format!(
                        "{} has no address. The program {ended}, and did not say: Hostname could not be resolved.",
                        host.unwrap_or("Its host")
                    ),
                ));
            }
            if !contains(said.as_bytes(), b"could not be resolved") {
                harness.note("the failure is told in its own words; those of the sheet are: Hostname could not be resolved. Exiting");
            }
            if ended == Ended::Code(0) {
                harness.note("the failure is told, but with exit code 0, as on the sheet: a script takes that for success");
            }
            Ok(())
        },
    },
    Case {
        id: "no-server",
        name: "fails with an exit code other than 0 when no server listens",
        depends_on: &["connects"],
        play: |harness| steps::nobody_listens(harness, ""),
    },
];

/// What the program printed besides the line about its socket, in small letters.
fn said_of_it(harness: &mut Harness<'_>) -> Step<String> {
    let program = harness.program()?;
    let printed = [program.stdout().head, program.stderr().head].concat();
    let printed = String::from_utf8_lossy(&printed).to_lowercase();
    let says = |line: &&str| {
        let about_connection = ["socket created", "socket connected", "ip address of"];
        !line.trim().is_empty() && !about_connection.iter().any(|words| line.contains(words))
    };
    Ok(printed.lines().filter(says).collect::<Vec<_>>().join("\n"))
}

/// Whether the resolver of this machine says that the name has no address, as it says to the
/// program: `None` when it says nothing in time, since its name servers are out of reach.
fn unresolved_here() -> Option<bool> {
    let (said, received) = mpsc::channel();
    // getaddrinfo has no time limit of ours. A thread that is
    // still in it when the case continues holds up nobody.
    thread::spawn(move || {
        let unresolved = (NO_HOST, 80).to_socket_addrs().is_err();
        // Nobody waits any more: then the answer came too late.
        let _late = said.send(unresolved);
    });
    received.recv_timeout(RESOLVER_PATIENCE).ok()
}

/// Meets the client under test, which says nothing to us and ends.
fn connects(harness: &mut Harness<'_>, launch: &Launch<'_>) -> Step {
    let listener = harness.listen()?;
    harness.launch(launch)?;
    let mut server = harness.accept(&listener)?;
    let met = server.address().unwrap_or(harness.address);
    // As a web server does: once the client has ended its side, the connection is over.
    let received = server.read_to_end(64 * 1024);
    if !received.bytes.is_empty() {
        harness.note("the program sends something; the sheet's only connects");
    }
    // One that waits for us has to wait on.
    let mut waiting = None;
    match received.end {
        ReadEnd::Silence => waiting = Some(server),
        _ => server.close(),
    }
    let ended = harness.ends("after it had connected")?;
    drop(waiting);
    let ip = met.ip().to_string();
    steps::must_print(harness, ip.as_bytes(), &[], &m::SAYS_NOTHING)?;
    match ended {
        Ended::Code(0) => Ok(()),
        ended => Err(wrong(
            &m::ENDS_WITH_ERROR,
            format!("It connected and said so, but then the program {ended}."),
        )),
    }
}
