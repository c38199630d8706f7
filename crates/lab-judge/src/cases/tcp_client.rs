//! Cases for every client over TCP.
//!
//! An exercise says once how its client is met ([`Client`]), and takes the cases it wants by name:
//! `tcp_client::sends::<Shows>()`.

use crate::exercise::Case;
use crate::harness::Harness;
use crate::misconceptions::{self as m};
use crate::peers::tcp::Connection;
use crate::steps;
use crate::verdict::{Step, Stop, wrong};

/// A client under test, as far as the shared cases have to know it.
pub trait Client {
    /// Starts it, accepts it, and hears what it says first.
    ///
    /// # Errors
    ///
    /// When it does not come, or says nothing.
    fn meets(harness: &mut Harness<'_>) -> Step<Connection> {
        steps::meet(harness, "").map(|(server, _)| server)
    }
}

/// The server hangs up without an answer.
pub const fn server_leaves<C: Client>() -> Case {
    Case {
        id: "server-leaves",
        name: "ends when the server leaves without an answer",
        depends_on: &["sends"],
        play: |harness| {
            C::meets(harness)?.close();
            steps::ends_with_failure(harness, "after the server had left without an answer")
        },
    }
}

/// The server breaks the connection off.
pub const fn server_resets<C: Client>(depends_on: &'static [&'static str]) -> Case {
    Case {
        id: "server-resets",
        name: "ends when the server resets the connection",
        depends_on,
        play: |harness| {
            C::meets(harness)?.reset();
            steps::ends_with_failure(harness, "after the server had broken the connection off")
        },
    }
}

/// No server at all.
pub const fn no_server(depends_on: &'static [&'static str]) -> Case {
    Case {
        id: "no-server",
        name: "fails with an exit code other than 0 when no server listens",
        depends_on,
        play: |harness| steps::nobody_listens(harness, ""),
    }
}

/// A client that speaks first.
pub const fn sends<C: Client>() -> Case {
    Case {
        id: "sends",
        name: "connects and sends its message",
        depends_on: &[],
        play: |harness| C::meets(harness).map(|_| ()),
    }
}

/// A message outside ASCII, where the command line has a place for one.
pub const fn message_characters<C: Client>() -> Case {
    Case {
        id: "message-characters",
        name: "sends a message with characters outside ASCII as UTF-8",
        depends_on: &["sends"],
        play: |harness| {
            harness.must_choose_message()?;
            let sent = steps::meet(harness, "é日𝄞 \"quoted\"");
            match sent {
                Err(Stop::Wrong(mut failure)) => {
                    failure.misconception = &m::NOT_UTF8;
                    Err(Stop::Wrong(failure))
                }
                other => other.map(|_| ()),
            }
        },
    }
}

/// An answer of several pieces, for a client that the sheet
/// lets read once: it may show a part, but has to end well.
pub fn survives_pieces(
    harness: &mut Harness<'_>,
    mut server: Connection,
    answer: &[u8],
    cuts: &[usize],
) -> Step {
    server.send_apart(&steps::cut(answer, cuts));
    server.finish_sending();
    let ended = harness.ends("after its answer had come in pieces")?;
    if ended != crate::process::Ended::Code(0) {
        return Err(wrong(
            &m::HALF_CHARACTER,
            format!("The answer came in pieces, cut inside a character, and the program {ended}."),
        ));
    }
    Ok(())
}
