//! Distribution transparency: the client socket_6.

use lab_judge::cases::tcp_client::{self, Client};
use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::harness::Harness;
use lab_judge::misconceptions::{self as m, Misconception};
use lab_judge::peers::tcp::Connection;
use lab_judge::ports::Protocol;
use lab_judge::process::Ended;
use lab_judge::steps;
use lab_judge::verdict::{Step, wrong};

#[path = "sheets/transparency_socket6.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "transparency-socket6",
    roles: &[Role {
        kind: Kind::Client,
        package: "transparency-socket6",
        arguments: "--host {host} --port {port}",
        message: "",
        host: Host::Loopback,
        port: 12345,
        protocol: Protocol::Tcp,
        cases: CLIENT,
        sheet: sheet::CLIENT,
        remark: "",
    }],
};

/// What the server of the sheet says.
const THANKS: &[u8] = b"Thank you for connecting";

/// The client waits for the thanks and shows them.
struct Thanked;

impl Client for Thanked {
    fn meets(harness: &mut Harness<'_>) -> Step<Connection> {
        steps::meet_silent(harness)
    }
}

static CLIENT: &[Case] = &[
    Case {
        id: "prints",
        name: "prints the thanks and ends with exit code 0",
        depends_on: &[],
        play: |harness| told(harness, THANKS, &m::NOT_PRINTED),
    },
    Case {
        id: "other-text",
        name: "prints what the server says, whatever it is",
        depends_on: &["prints"],
        play: |harness| told(harness, b"Come again on Tuesday", &m::FIXED_TEXT),
    },
    Case {
        id: "server-leaves",
        name: "ends when the server leaves without a word",
        depends_on: &["prints"],
        play: |harness| {
            let listener = harness.listen()?;
            harness.start("")?;
            harness.accept(&listener)?.close();
            steps::ends_with_failure(harness, "after the server had left without a word")
        },
    },
    tcp_client::server_resets::<Thanked>(&["server-leaves"]),
    tcp_client::no_server(&["prints"]),
];

/// Says something to the client under test and closes; the client has to print it and to end well.
fn told(harness: &mut Harness<'_>, text: &[u8], suspect: &'static Misconception) -> Step {
    let listener = harness.listen()?;
    harness.start("")?;
    let mut server = harness.accept(&listener)?;
    server.send(text);
    server.close();
    let ended = harness.ends("after the server had spoken and closed")?;
    steps::must_print(harness, text, &[], suspect)?;
    match ended {
        Ended::Code(0) => Ok(()),
        ended => Err(wrong(
            &m::ENDS_WITH_ERROR,
            format!("What the server said was printed, but then the program {ended}."),
        )),
    }
}
