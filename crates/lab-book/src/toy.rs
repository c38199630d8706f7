//! The toy of the chapter about streams: the student cuts a stream anywhere, and sees what two
//! readers of messages make of it.
//!
//! What it shows was recorded: for each pair of cuts both readers really read the pieces. One is
//! labnet's [`DelimitedReader`], the other takes what one `recv` gives for one message.

use std::io::{self, Read};

use anyhow::{Context, ensure};
use labnet::frames::{DelimitedReader, FrameError};
use maud::{Markup, html};
use serde::Serialize;

use crate::page::made;

/// What ends a message.
const TOKEN: &str = "<EOF>";
/// Longer than any message of the toy, in bytes.
const LIMIT: usize = 1024;

/// Both readers after one more piece.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Step {
    /// The bytes of the piece: from, to.
    piece: (usize, usize),
    /// The messages that our reader gave.
    ours: Vec<String>,
    /// How many bytes it keeps.
    kept: usize,
    /// What the other took for a message.
    naive: String,
}

/// A stream that gives one piece at each call.
struct Pieces<'a>(std::iter::Copied<std::slice::Iter<'a, &'a [u8]>>);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.next() {
            None => Ok(0),
            Some(mut piece) => piece.read(buffer),
        }
    }
}

/// What labnet's reader gives of these pieces, and how many bytes it keeps.
fn ours(pieces: &[&[u8]]) -> anyhow::Result<(Vec<String>, usize)> {
    let mut reader = DelimitedReader::new(Pieces(pieces.iter().copied()), TOKEN.as_bytes(), LIMIT);
    let mut messages = Vec::new();
    loop {
        match reader.read_message() {
            Ok(Some(message)) => messages.push(String::from_utf8_lossy(message).into_owned()),
            Ok(None) => return Ok((messages, 0)),
            // Not an error here: it says how many bytes wait for their token.
            Err(FrameError::Truncated { received }) => return Ok((messages, received)),
            Err(error) => return Err(error).context("the reader of the toy fails"),
        }
    }
}

/// The messages of a reader that takes each recv for one message.
fn naive(pieces: &[&[u8]]) -> io::Result<Vec<String>> {
    let mut stream = Pieces(pieces.iter().copied());
    let mut buffer = [0; LIMIT];
    let mut messages = Vec::new();
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(messages);
        }
        let text = String::from_utf8_lossy(&buffer[..count]);
        messages.push(text.replace(TOKEN, ""));
    }
}

/// Both readers, piece by piece, at these cuts.
fn run(stream: &str, first: usize, second: usize) -> anyhow::Result<Vec<Step>> {
    let ends = [(0, first), (first, second), (second, stream.len())];
    let ends: Vec<(usize, usize)> = ends.into_iter().filter(|(from, to)| from < to).collect();
    let pieces: Vec<&[u8]> = ends
        .iter()
        .map(|(from, to)| &stream.as_bytes()[*from..*to])
        .collect();
    // It keeps nothing from one recv to the next, so its messages of a part are the first ones.
    let naive = naive(&pieces).context("the naive reader of the toy fails")?;
    let mut steps = Vec::new();
    let mut given = 0;
    for (place, piece) in ends.iter().enumerate() {
        let (messages, kept) = ours(&pieces[..=place])?;
        steps.push(Step {
            piece: *piece,
            ours: messages[given..].to_vec(),
            kept,
            naive: naive.get(place).context("no piece was read")?.clone(),
        });
        given = messages.len();
    }
    Ok(steps)
}

/// The toy for a stream of ASCII.
///
/// # Errors
///
/// When the stream has other letters, or a reader fails.
pub fn toy(stream: &str) -> anyhow::Result<Markup> {
    ensure!(
        !stream.is_empty() && stream.bytes().all(|byte| byte.is_ascii_graphic()),
        "a toy's stream has letters of ASCII, one for each byte: {stream}"
    );
    let length = stream.len();
    // runs[first][second - first]
    let mut runs = Vec::new();
    for first in 0..=length {
        let with_first: anyhow::Result<Vec<Vec<Step>>> = (first..=length)
            .map(|second| run(stream, first, second))
            .collect();
        runs.push(with_first?);
    }
    // Before the reader cuts: where both cuts go through a token.
    let (first, second) = (length / 3, length - length / 4);
    let data = serde_json::json!({"stream": stream, "runs": runs});
    // Within a script only `<` could end it.
    let data = data.to_string().replace('<', "\\u003c");
    Ok(html! {
        figure.toy aria-label="Cut a stream" {
            figcaption { "Move the two cuts. Each piece is what one " code { "recv" } " gives." }
            div.tape aria-hidden="true" style={ "--bytes:" (length) } {
                @for (place, byte) in stream.chars().enumerate() {
                    span class={ "p" (usize::from(place >= first) + usize::from(place >= second)) } {
                        (byte)
                    }
                }
            }
            div.cuts hidden style={ "--bytes:" (length) } {
                @for (name, at) in [("First cut", first), ("Second cut", second)] {
                    label { span { (name) } input type="range" min="0" max=(length) value=(at); }
                }
            }
            table {
                thead {
                    tr {
                        th scope="col" { "One " code { "recv" } " gives" }
                        th scope="col" { code { "DelimitedReader" } " gives" }
                        th scope="col" { "One recv for one message" }
                    }
                }
                tbody {
                    @for step in &runs[first][second - first] {
                        tr {
                            td data-name="recv gives" { code { (stream[step.piece.0..step.piece.1]) } }
                            td data-name="DelimitedReader gives" {
                                @for message in &step.ours { code { (message) } " " }
                                @if step.kept > 0 { span.kept {
                                    "keeps " (step.kept) " byte" @if step.kept != 1 { "s" }
                                } }
                            }
                            td data-name="One recv for one message" { code { (step.naive) } }
                        }
                    }
                }
            }
            p.verdict role="status" {}
            script type="application/json" { (made(&data)) }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "one<EOF>two<EOF>";

    #[test]
    fn our_reader_gives_the_same_at_every_cut_and_the_other_by_luck() {
        for first in 0..=STREAM.len() {
            for second in first..=STREAM.len() {
                let steps = run(STREAM, first, second).unwrap();
                let ours: Vec<&String> = steps.iter().flat_map(|step| &step.ours).collect();
                assert_eq!(ours, ["one", "two"], "{first} {second}");
                assert_eq!(steps.last().unwrap().kept, 0);
                let naive: Vec<&String> = steps.iter().map(|step| &step.naive).collect();
                let mut ends = vec![first, second, 16];
                ends.retain(|end| *end > 0);
                ends.dedup();
                // Before or after the first token: nothing else is luck enough.
                let luck = ends == [3, 16] || ends == [8, 16];
                assert_eq!(naive == ["one", "two"], luck, "{first} {second}");
            }
        }
    }

    #[test]
    fn what_is_kept_is_what_waits_for_its_token() {
        let steps = run(STREAM, 5, 11).unwrap();
        let kept: Vec<usize> = steps.iter().map(|step| step.kept).collect();
        assert_eq!(kept, [5, 3, 0]);
        let naive: Vec<&str> = steps.iter().map(|step| step.naive.as_str()).collect();
        assert_eq!(
            naive,
            ["one<E", "OF>two", "<EOF>".replace(TOKEN, "").as_str()]
        );
        toy("Grüße<EOF>").unwrap_err();
    }
}
