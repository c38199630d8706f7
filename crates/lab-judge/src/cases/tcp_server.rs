//! Cases for every server over TCP.
//!
//! An exercise says once what its server does with a client ([`Server`]), and takes the cases it
//! wants by name: `tcp_server::goes_on::<Echo>()`.

use crate::exercise::Case;
use crate::harness::Harness;
use crate::misconceptions::{self as m};
use crate::peers::tcp::Connection;
use crate::steps;
use crate::verdict::Step;
use std::time::{Duration, Instant};

/// A server under test, as far as the shared cases have to know it.
pub trait Server {
    /// The cases without which those about several clients say nothing.
    const DEPENDS_ON: &'static [&'static str] = &["goes-on"];
    /// The cases without which nothing can be said about sockets that stay open.
    const CLOSES: &'static [&'static str] = &["goes-on"];

    /// Talks with a client that has just connected, as the sheet has it, and judges what comes.
    ///
    /// # Errors
    ///
    /// When the server does not do what it should.
    fn serves(harness: &mut Harness<'_>, client: &mut Connection) -> Step;
}

/// One client after another.
pub const fn goes_on<S: Server>() -> Case {
    Case {
        id: "goes-on",
        name: "serves the next client after one has left",
        depends_on: &["whole"],
        play: |harness| {
            let mut first = harness.serve()?;
            S::serves(harness, &mut first)?;
            first.close();
            steps::still_serves(harness, &m::ENDS_AFTER_FIRST, S::serves)
        },
    }
}

/// RST, with and without a word before it.
pub const fn reset<S: Server>() -> Case {
    Case {
        id: "reset",
        name: "keeps running when a client resets its connection",
        depends_on: S::DEPENDS_ON,
        play: |harness| {
            let mut client = harness.serve()?;
            S::serves(harness, &mut client)?;
            client.close();
            // More than one recv: its first send fails, and its second meets a connection that has
            // failed already (SIGPIPE).
            let speech = b"1 2 3 4 ".repeat(512);
            // One at a time: a queue may be as short as
            // listen(0) makes it, and hold a single client.
            for words in [b"".as_slice(), &speech] {
                // The program is held meanwhile, so that it is
                // certain what its next call on the connection meets.
                harness.program()?.hold();
                let mut client = harness.connect()?;
                if !words.is_empty() {
                    client.send(words);
                }
                client.reset();
                harness.program()?.go_on();
                steps::still_serves(harness, &m::DIES_ON_RESET, S::serves)?;
            }
            Ok(())
        },
    }
}

/// Clients that say nothing.
pub const fn connect_and_leave<S: Server>() -> Case {
    Case {
        id: "connect-and-leave",
        name: "keeps running when clients connect and leave without a word",
        depends_on: S::DEPENDS_ON,
        play: |harness| {
            for number in 0..3 {
                let client = match number {
                    0 => harness.serve()?,
                    // A server that the one before has ended may be gone by now, or later.
                    _ => steps::blaming(&m::DIES_ON_EMPTY, harness.connect())?,
                };
                client.close();
            }
            steps::still_serves(harness, &m::DIES_ON_EMPTY, S::serves)
        },
    }
}

/// Two clients at the same time, the first of them silent.
///
/// A server that serves one client at a time does what most sheets ask for: that is a note. Each
/// answer has to go to the one who asked.
pub const fn two_at_once<S: Server>() -> Case {
    Case {
        id: "two-at-once",
        name: "answers the client that asked while another one is connected",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut first = harness.serve()?;
            let mut second = harness.connect()?;
            // A program that is going to accept the second does
            // it now: at the latest when it has come to rest.
            let begin = Instant::now();
            let mut accepted = second.accepted();
            while accepted == Some(false) && begin.elapsed() < Duration::from_millis(50) {
                std::thread::sleep(Duration::from_millis(5));
                accepted = second.accepted();
            }
            if accepted == Some(false) {
                steps::comes_to_rest(harness)?;
                accepted = second.accepted();
            }
            if accepted == Some(true) {
                // In reverse order: a queue does not pass for two clients at once.
                steps::blaming(&m::BLOCKS_ALL, S::serves(harness, &mut second))?;
            } else if accepted == Some(false) {
                harness.note("the server serves one client at a time, and a silent one holds up all others; the sheet asks for no more");
            }
            steps::blaming(&m::MIXES_CLIENTS, S::serves(harness, &mut first))?;
            first.close();
            if accepted != Some(true) {
                steps::blaming(&m::ENDS_AFTER_FIRST, S::serves(harness, &mut second))?;
            }
            Ok(())
        },
    }
}

/// 200 clients in turn.
pub const fn many<S: Server>() -> Case {
    Case {
        id: "many",
        name: "serves 200 clients one after another, and closes each one's socket",
        depends_on: S::CLOSES,
        play: |harness| steps::many(harness, 200, S::serves),
    }
}

/// Nothing to do.
pub const fn at_rest<S: Server>() -> Case {
    Case {
        id: "at-rest",
        name: "uses no CPU while no client says anything, also after clients have left",
        depends_on: S::DEPENDS_ON,
        play: |harness| {
            let mut leaves = harness.serve()?;
            S::serves(harness, &mut leaves)?;
            leaves.close();
            // Where it waits for the next client, and where it waits for a word of a silent one.
            steps::at_rest(harness)?;
            let _silent = harness.connect()?;
            steps::at_rest(harness)
        },
    }
}

/// Killed, and started again on its port.
pub const fn restart<S: Server>() -> Case {
    Case {
        id: "restart",
        name: "can be killed and started again on its port at once",
        depends_on: &["whole"],
        play: |harness| steps::restart(harness, S::serves),
    }
}

/// A server for one client: it ends with that client, or continues although it need not.
pub const fn ends<S: Server>() -> Case {
    Case {
        id: "ends",
        name: "ends when its client has left",
        depends_on: &["half-close"],
        play: |harness| {
            let mut client = harness.serve()?;
            S::serves(harness, &mut client)?;
            client.finish_sending();
            client.read_end();
            client.close();
            steps::ends_or_goes_on(harness, S::serves)
        },
    }
}

/// RST for a server that has one client: it may end with an error, but it has to end or rest. One
/// that takes the next client after one that left in order has to take it after this one as well.
pub const fn only_client_resets<S: Server>() -> Case {
    Case {
        id: "reset",
        name: "does not hang or spin when its client resets the connection",
        depends_on: &["whole"],
        play: |harness| {
            let mut client = harness.serve()?;
            S::serves(harness, &mut client)?;
            // Held meanwhile, so that the program meets the end of the connection when it answers.
            harness.program()?.hold();
            client.send(b"half a mess");
            client.reset();
            harness.program()?.go_on();
            steps::at_rest(harness)?;
            steps::ended_as_always(harness, S::serves)
        },
    }
}

/// A server for one client, while that client says nothing.
pub const fn silent_client<S: Server>() -> Case {
    Case {
        id: "at-rest",
        name: "uses no CPU while its client says nothing, and answers it afterward",
        depends_on: &["several"],
        play: |harness| {
            let mut client = harness.serve()?;
            S::serves(harness, &mut client)?;
            steps::at_rest(harness)?;
            S::serves(harness, &mut client)
        },
    }
}
