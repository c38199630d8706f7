//! What an echo server over TCP owes to its clients: Codio's, and task 3 of CO223.

use super::common;
use crate::misconceptions::{self as m};
use crate::peers::tcp::{Connection, HeardEnd, Taken};
use crate::stage::Stage;
use crate::verdict::{Step, differs, undecided};

const LARGE: usize = 1024 * 1024;

/// A short message comes back.
pub fn hello(stage: &mut Stage<'_>, client: &mut Connection) -> Step {
    common::exchange(
        stage,
        client,
        &[b"Hello, world"],
        b"Hello, world",
        &m::NO_ANSWER,
    )
}

/// A message that arrives whole.
pub fn whole(stage: &mut Stage<'_>) -> Step {
    let mut client = stage.serve()?;
    hello(stage, &mut client)
}

/// Several messages, each after the answer to the last.
pub fn several(stage: &mut Stage<'_>) -> Step {
    let mut client = stage.serve()?;
    for text in ["one", "two", "three"] {
        common::exchange(
            stage,
            &mut client,
            &[text.as_bytes()],
            text.as_bytes(),
            &m::READS_ONCE,
        )?;
    }
    Ok(())
}

/// Pieces, one byte each.
pub fn pieces(stage: &mut Stage<'_>) -> Step {
    let mut client = stage.serve()?;
    let text = b"byte by byte";
    let cuts: Vec<usize> = (1..text.len()).collect();
    common::exchange(
        stage,
        &mut client,
        &common::cut(text, &cuts),
        text,
        &m::READS_ONCE,
    )
}

/// All bytes there are, and a character cut in two.
pub fn bytes(stage: &mut Stage<'_>) -> Step {
    let mut client = stage.serve()?;
    let all = common::all_bytes();
    common::exchange(stage, &mut client, &[&all], &all, &m::MANGLES_BINARY)?;
    let text = "  日\r\n".as_bytes();
    common::exchange(
        stage,
        &mut client,
        &common::cut(text, &[3]),
        text,
        &m::MANGLES_BINARY,
    )
}

/// More than any one recv gives.
pub fn large(stage: &mut Stage<'_>) -> Step {
    let mut client = stage.serve()?;
    let text = common::filler(stage, LARGE);
    let sender = client
        .send_beside(text.clone())
        .map_err(|error| undecided("cannot send", &error))?;
    let heard = client.hear(&text);
    let taken = sender.join().unwrap_or(Taken::Gone);
    common::expected_was(stage, &client, &heard, &text, &m::READS_ONCE)?;
    stage.must_take(taken, &m::READS_ONCE)
}

/// Twice what the system buffers, to a client with a window of a few KiB.
pub fn slow_reader(stage: &mut Stage<'_>) -> Step {
    stage.start("")?;
    let mut client = stage.connect_with(Some(4096))?;
    let text = common::filler(stage, 8 * LARGE);
    let sender = client
        .send_beside(text.clone())
        .map_err(|error| undecided("cannot send", &error))?;
    client.wait_for_first_byte();
    let heard = client.hear(&text);
    client.stop_sending();
    let _taken = sender.join();
    if heard.end == HeardEnd::Complete {
        return Ok(());
    }
    let at = text
        .iter()
        .zip(&heard.bytes)
        .take_while(|(a, b)| a == b)
        .count();
    let ending = stage.ending(heard.end);
    Err(differs(
        &m::SHORT_SEND,
        format!(
            "Of {} bytes {at} came back as they were, {ending}.",
            text.len()
        ),
        &text,
        &heard.bytes,
    ))
}

/// The client ends its direction; what it sent still comes back, and then the end.
pub fn half_close(stage: &mut Stage<'_>) -> Step {
    let mut client = stage.serve()?;
    let taken = client.send(b"last words");
    stage.must_take(taken, &m::NO_ANSWER)?;
    client.finish_sending();
    let heard = client.hear(b"last words");
    common::expected_was(stage, &client, &heard, b"last words", &m::CLOSES_EARLY)?;
    let end = client.hear_end(64);
    common::must_close(stage, &end)
}
