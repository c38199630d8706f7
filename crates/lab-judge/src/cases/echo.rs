//! What an echo over TCP owes to its other side: cases
//! that Codio, CO223's task 3 and CMPU4021 take over.

use super::tcp_server;
use super::tcp_server::Server as _;
use crate::exercise::Case;
use crate::harness::Harness;
use crate::misconceptions as m;
use crate::peers::tcp::{Connection, ReadEnd, SendOutcome};
use crate::steps;
use crate::verdict::{Step, differs, undecided};

/// A mebibyte and a byte: far more than a recv gives, and no multiple of a buffer's size.
const LARGE: usize = 1024 * 1024 + 1;
/// A slow reader's receive buffer, in bytes.
const SMALL_WINDOW: usize = 4096;
/// More than the systems of both sides hold on the way to a slow reader and from it, in bytes.
const MORE_THAN_BUFFERS: usize = 16 * 1024 * 1024;

/// An echo server: what it gets comes back.
pub struct Echo;

impl tcp_server::Server for Echo {
    const DEPENDS_ON: &'static [&'static str] = &["goes-on", "two-at-once"];
    const CLOSES: &'static [&'static str] = &["goes-on", "half-close"];

    fn serves(harness: &mut Harness<'_>, client: &mut Connection) -> Step {
        steps::exchange(
            harness,
            client,
            &[b"Hello, world"],
            b"Hello, world",
            &m::NO_ANSWER,
        )
    }
}

/// A message that arrives whole.
pub const WHOLE: Case = Case {
    id: "whole",
    name: "sends a message back",
    depends_on: &[],
    play: |harness| {
        let mut client = harness.serve()?;
        steps::exchange_exactly(harness, &mut client, b"Hello, world", b"Hello, world")
    },
};

/// Several messages, each after the answer to the last.
pub const SEVERAL: Case = Case {
    id: "several",
    name: "sends several messages back, one after the other",
    depends_on: &["whole"],
    play: |harness| {
        let mut client = harness.serve()?;
        for text in ["one", "two", "three"] {
            let text = text.as_bytes();
            steps::exchange(harness, &mut client, &[text], text, &m::READS_ONCE)?;
        }
        Ok(())
    },
};

/// Pieces, one byte each.
pub const PIECES: Case = Case {
    id: "pieces",
    name: "sends back what arrives one byte at a time",
    depends_on: &["several"],
    play: |harness| {
        let mut client = harness.serve()?;
        let text = b"byte by byte";
        let cuts: Vec<usize> = (1..text.len()).collect();
        steps::exchange(
            harness,
            &mut client,
            &steps::cut(text, &cuts),
            text,
            &m::CLOSES_EARLY,
        )
    },
};

/// A character of two, three and four bytes, cut inside each.
pub const CUT_CHARACTER: Case = Case {
    id: "cut-character",
    name: "sends back characters that arrive cut in two",
    depends_on: &["pieces"],
    play: |harness| {
        let mut client = harness.serve()?;
        let text = "é日𝄞".as_bytes();
        steps::exchange(
            harness,
            &mut client,
            &steps::cut(text, &[1, 3, 4, 6, 7, 8]),
            text,
            &m::DECODES_PIECES,
        )
    },
};

/// All bytes there are, and white space at both ends.
pub const BYTES: Case = Case {
    id: "bytes",
    name: "sends back the very bytes, also those that are not text",
    depends_on: &["several", "cut-character"],
    play: |harness| {
        let mut client = harness.serve()?;
        for text in [
            b"  blanks, and a line end\r\n".as_slice(),
            &[b"all bytes", steps::all_bytes().as_slice()].concat(),
        ] {
            steps::exchange(harness, &mut client, &[text], text, &m::MANGLES_BINARY)?;
        }
        Ok(())
    },
};

/// All bytes there are, in the one message of a connection.
pub const BYTES_AT_ONCE: Case = Case {
    id: "bytes",
    name: "sends back the very bytes, also those that are not text",
    depends_on: &["whole"],
    play: |harness| {
        let mut client = harness.serve()?;
        let text = [b"  blanks", steps::all_bytes().as_slice(), b"\r\n"].concat();
        steps::exchange(harness, &mut client, &[&text], &text, &m::MANGLES_BINARY)
    },
};

/// Messages as long as a buffer.
pub const EXACT_BUFFER: Case = Case {
    id: "exact-buffer",
    name: "sends back messages that fill a buffer of 1,024 bytes exactly",
    depends_on: &["several"],
    play: |harness| {
        let mut client = harness.serve()?;
        for size in [1024, 2048, 4096] {
            let text = steps::filler(harness, size);
            steps::exchange(harness, &mut client, &[&text], &text, &m::FULL_BUFFER)?;
        }
        Ok(())
    },
};

/// A message as long as the sheet's buffer, on each of some connections.
pub const EXACT_BUFFER_AT_ONCE: Case = Case {
    id: "exact-buffer",
    name: "sends back messages that fill a buffer of 1,024 or 2,048 bytes exactly",
    depends_on: &["goes-on"],
    play: |harness| {
        let mut client = harness.serve()?;
        for size in [1024, 2048] {
            let text = steps::filler(harness, size);
            steps::exchange(harness, &mut client, &[&text], &text, &m::FULL_BUFFER)?;
            client = harness.connect()?;
        }
        Ok(())
    },
};

/// More than any one recv gives.
pub const LARGE_MESSAGE: Case = Case {
    id: "large",
    name: "sends a mebibyte back, whole",
    depends_on: &["several", "exact-buffer"],
    play: |harness| {
        let mut client = harness.serve()?;
        let text = steps::filler(harness, LARGE);
        let sender = client
            .send_beside(text.clone())
            .map_err(|error| undecided("cannot send", &error))?;
        let received = client.read(&text);
        let taken = sender.join().unwrap_or(SendOutcome::Gone);
        steps::expected_was(harness, &client, &received, &text, &m::FIXED_LIMIT)?;
        harness.must_take(taken, &m::FIXED_LIMIT)
    },
};

/// A client that reads nothing until nobody can send any
/// more, and then all of it, through a window of a few KiB.
pub const SLOW_READER: Case = Case {
    id: "slow-reader",
    name: "sends all of it back to a client that reads slowly",
    depends_on: &["large"],
    play: |harness| {
        harness.start("")?;
        let mut client = harness.connect_with(Some(SMALL_WINDOW))?;
        let pattern = steps::filler(harness, steps::PERIOD);
        let sent = client.send_until_stuck(&pattern, MORE_THAN_BUFFERS);
        if sent >= MORE_THAN_BUFFERS {
            harness.note(format!(
                "the server took {sent} bytes although its client read none of its answers: its memory grows with what a client sends"
            ));
        }
        let mut text = pattern.repeat(sent / pattern.len() + 1);
        text.truncate(sent);
        let received = client.read(&text);
        if received.end == ReadEnd::Complete {
            // None is missing at the end, and the conversation continues.
            return steps::blaming(&m::SHORT_SEND, Echo::serves(harness, &mut client));
        }
        let at = text
            .iter()
            .zip(&received.bytes)
            .take_while(|(a, b)| a == b)
            .count();
        let ending = harness.ending(received.end);
        Err(differs(
            &m::SHORT_SEND,
            format!(
                "The client sent {sent} bytes before it read any. The first {at} of them came back as they were, {ending}."
            ),
            &text,
            &received.bytes,
        ))
    },
};

/// The client ends its direction; what it sent still comes back, and then the end.
pub const HALF_CLOSE: Case = half_close(&["several"]);

/// The same for a server that answers one message.
pub const HALF_CLOSE_AT_ONCE: Case = half_close(&["whole"]);

const fn half_close(depends_on: &'static [&'static str]) -> Case {
    Case {
        id: "half-close",
        name: "still answers a client that has ended its own direction, then closes",
        depends_on,
        play: |harness| steps::last_words(harness, b"last words", b"last words"),
    }
}
