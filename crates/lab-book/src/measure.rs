//! What a run answers: a number or a line, read from its journal.

use anyhow::{Context, bail, ensure};
use lab_journal::model::Stream;
use lab_journal::queues;
use lab_journal::{Call, Event, Exit, Journal, Outcome, Segment, Side};
use serde::Deserialize;

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Measure {
    /// How many calls of this kind a side made that ended.
    Count(Calls),
    /// How many bytes each of its calls gave, in their order.
    Sizes(Calls),
    /// The first call of a side that failed, with the error's name.
    Fails(Side),
    /// The call in which a side is when it is stopped.
    Waits(Side),
    /// A line of a side's stdout, from 1.
    Prints(Line),
    /// How many lines a side printed on stdout.
    Lines(Side),
    /// A line of a side's stderr, from 1.
    Says(Line),
    /// How a side's process ended: its exit code.
    Exit(Side),
    /// How many segments with this flag, or with bytes, a side sent.
    Segments(Flagged),
    /// The side whose segment with this flag came first.
    First(Flag),
    /// How many bytes lie in a side's receive queue when its call of this number has ended.
    Queue(Nth),
}

/// Calls of a kind: `recv` stands for `recvfrom` and `read` too.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calls {
    side: Side,
    call: String,
}

/// One of these calls, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nth {
    side: Side,
    call: String,
    number: usize,
}

/// A line of what a side printed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    side: Side,
    line: usize,
}

/// Segments of a side.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flagged {
    side: Side,
    flag: Flag,
}

/// What a segment has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flag {
    /// A connection begins.
    Syn,
    /// A direction ends.
    Fin,
    /// A connection is broken off.
    Rst,
    /// It carries bytes.
    Data,
}

impl Flag {
    fn is_in(self, segment: &Segment) -> bool {
        match self {
            Flag::Syn => segment.syn,
            Flag::Fin => segment.fin,
            Flag::Rst => segment.rst,
            Flag::Data => segment.length > 0,
        }
    }
}

impl Measure {
    /// What the run answers.
    ///
    /// # Errors
    ///
    /// When the run has nothing of the kind.
    pub fn of(&self, journal: &Journal) -> anyhow::Result<String> {
        Ok(match self {
            Measure::Count(Calls { side, call }) => ended(journal, *side, call).count().to_string(),
            Measure::Sizes(Calls { side, call }) => {
                let sizes: Vec<String> = ended(journal, *side, call)
                    .filter_map(|call| match call.outcome {
                        Outcome::Value(size) => Some(size.to_string()),
                        _ => None,
                    })
                    .collect();
                ensure!(!sizes.is_empty(), "no such call gave bytes");
                sizes.join(", ")
            }
            Measure::Fails(side) => {
                let mut calls = calls(journal, *side);
                let failed = calls.find_map(|call| match &call.outcome {
                    Outcome::Error(name) if name != "EINPROGRESS" => {
                        Some(format!("{}: {name}", kind(&call.name)))
                    }
                    _ => None,
                });
                failed.unwrap_or_else(|| "none".to_string())
            }
            Measure::Waits(side) => {
                let mut calls = calls(journal, *side);
                let last = calls.rfind(|call| call.outcome == Outcome::Unfinished);
                last.map_or("none".to_string(), |call| kind(&call.name).to_string())
            }
            Measure::Prints(line) => line.of(journal, Stream::Stdout)?,
            Measure::Lines(side) => {
                let text = printed(journal, *side, Stream::Stdout);
                text.lines().count().to_string()
            }
            Measure::Says(line) => line.of(journal, Stream::Stderr)?,
            Measure::Exit(side) => {
                let exits = exits(journal, *side);
                let exit = exits.first().context("that side did not end")?;
                match (exit.code, exit.signal) {
                    (Some(code), _) => code.to_string(),
                    (None, Some(signal)) => format!("signal {signal}"),
                    (None, None) => bail!("it is not known how that side ended"),
                }
            }
            Measure::Segments(Flagged { side, flag }) => {
                let mut count = 0;
                for (segment, from) in segments(journal) {
                    count += usize::from(from == *side && flag.is_in(segment) && !segment.again);
                }
                count.to_string()
            }
            Measure::First(flag) => {
                let mut segments = segments(journal);
                let first = segments.find(|(segment, _)| flag.is_in(segment));
                let (_, side) = first.context("no segment has that flag")?;
                side.name().to_string()
            }
            Measure::Queue(Nth { side, call, number }) => {
                let calls: Vec<&Call> = ended(journal, *side, call).collect();
                let call = calls
                    .get(number.wrapping_sub(1))
                    .with_context(|| format!("there are {} such calls", calls.len()))?;
                let (moment, socket) = (
                    call.ended.context("the call did not end")?,
                    call.socket.context("the call has no socket")?,
                );
                let there = queues::at(journal, &[moment]);
                let queues = there.first().and_then(|sockets| sockets.get(&socket));
                let pieces = queues.map_or(&[][..], |queues| &queues.receive[..]);
                pieces
                    .iter()
                    .map(|piece| piece.length)
                    .sum::<u64>()
                    .to_string()
            }
        })
    }
}

impl Line {
    fn of(&self, journal: &Journal, stream: Stream) -> anyhow::Result<String> {
        let text = printed(journal, self.side, stream);
        let line = text.lines().nth(self.line.wrapping_sub(1));
        let line = line.with_context(|| {
            format!(
                "the {} printed {} lines",
                self.side.name(),
                text.lines().count()
            )
        })?;
        Ok(without_ports(line))
    }
}

/// What a side printed.
pub fn printed(journal: &Journal, side: Side, stream: Stream) -> String {
    let texts = journal
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Output(output)
                if output.stream == stream && journal.side(output.process) == Some(side) =>
            {
                Some(output.text.as_str())
            }
            _ => None,
        });
    texts.collect()
}

/// How a side's programs ended, one after another. A program's own helpers are left out, which may
/// end before it: an interpreter may have some.
pub fn exits(journal: &Journal, side: Side) -> Vec<Exit> {
    let program = |pid: u32| {
        let mut processes = journal.processes.iter();
        processes.any(|one| one.pid == pid && one.side == side && one.parent.is_none())
    };
    let exits = journal
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Exit(exit) if program(exit.process) => Some(*exit),
            _ => None,
        });
    exits.collect()
}

fn calls(journal: &Journal, side: Side) -> impl DoubleEndedIterator<Item = &Call> {
    let calls = journal
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Call(call) => Some(call),
            _ => None,
        });
    calls.filter(move |call| journal.side(call.process) == Some(side))
}

/// The calls of a kind that ended, in the order of their ends.
fn ended<'a>(journal: &'a Journal, side: Side, wanted: &'a str) -> impl Iterator<Item = &'a Call> {
    let mut ended: Vec<&Call> = calls(journal, side)
        .filter(|call| kind(&call.name) == wanted && call.outcome != Outcome::Unfinished)
        .collect();
    ended.sort_by_key(|call| call.ended);
    ended.into_iter()
}

/// The name that people know a system call by.
pub fn kind(name: &str) -> &str {
    match name {
        "recvfrom" | "recvmsg" | "read" => "recv",
        "sendto" | "sendmsg" | "write" => "send",
        "accept4" => "accept",
        other => other,
    }
}

/// The segments, with the side that sent each. A relay's ports are not those of the server.
fn segments(journal: &Journal) -> impl Iterator<Item = (&Segment, Side)> {
    let all = || {
        journal
            .entries
            .iter()
            .filter_map(|entry| match &entry.event {
                Event::Segment(segment) => Some(segment),
                _ => None,
            })
    };
    // A server is where a connection is begun, on as many ports as a scan has; without one it is
    // where the first segment goes.
    let begun = all().filter(|segment| segment.syn && !segment.ack);
    let mut servers: Vec<u16> = begun.map(|segment| segment.to.port()).collect();
    if servers.is_empty() {
        servers.extend(all().next().map(|segment| segment.to.port()));
    }
    all().map(move |segment| {
        let side = match servers.contains(&segment.from.port()) {
            true => Side::Server,
            false => Side::Client,
        };
        (segment, side)
    })
}

/// A text with `PORT` where Python prints an address's port: the system chooses it.
pub fn without_ports(line: &str) -> String {
    let mut parts = line.split("', ");
    let mut out = parts.next().unwrap_or("").to_string();
    for part in parts {
        let rest = part.trim_start_matches(|letter: char| letter.is_ascii_digit());
        out.push_str("', ");
        if rest.len() < part.len() {
            out.push_str("PORT");
        }
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_where_a_connection_is_begun_is_a_servers() {
        let address = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let mut journal = Journal::default();
        // A scan: a closed port is the first, and the open one is the second.
        for (from, to, syn, ack) in [
            (40_001, 7999, true, false),
            (7999, 40_001, false, true),
            (40_002, 8000, true, false),
            (8000, 40_002, true, true),
        ] {
            let segment = Segment {
                transport: lab_journal::Transport::Tcp,
                from: address(from),
                to: address(to),
                syn,
                ack,
                fin: false,
                rst: from == 7999,
                offset: None,
                length: 0,
                bytes: Vec::new(),
                again: false,
                lost: false,
                unreachable: false,
                call: None,
            };
            let event = Event::Segment(segment);
            journal.entries.push(lab_journal::Entry { at: 0, event });
        }
        for (side, flag, count) in [
            (Side::Client, Flag::Syn, "2"),
            (Side::Server, Flag::Syn, "1"),
            (Side::Server, Flag::Rst, "1"),
        ] {
            let measure = Measure::Segments(Flagged { side, flag });
            assert_eq!(measure.of(&journal).unwrap(), count);
        }
    }

    #[test]
    fn a_recorded_run_answers() {
        // Of the server in Rust, whose messages came in pieces.
        let text = include_str!("../../lab-journal/tests/golden/eof-rust.json");
        let journal = Journal::from_json(text).unwrap();
        let of = |words: &str| -> String {
            #[derive(Deserialize)]
            struct One {
                measure: Measure,
            }
            let one: One = toml::from_str(&format!("measure = {words}")).unwrap();
            one.measure
                .of(&journal)
                .unwrap_or_else(|error| error.to_string())
        };
        assert_eq!(of("{ exit = \"client\" }"), "0");
        assert_eq!(of("{ fails = \"client\" }"), "none");
        assert_eq!(of("{ waits = \"server\" }"), "accept");
        assert_eq!(of("{ first = \"fin\" }"), "client");
        assert_eq!(
            of("{ segments = { side = \"client\", flag = \"syn\" } }"),
            "1"
        );
        assert_eq!(
            of("{ count = { side = \"server\", call = \"bind\" } }"),
            "1"
        );
        assert_eq!(
            of("{ prints = { side = \"server\", line = 1 } }"),
            "Connected by ('127.0.0.1', PORT)"
        );
        assert!(of("{ prints = { side = \"server\", line = 99 } }").contains("lines"));
        let count: usize = of("{ count = { side = \"server\", call = \"recv\" } }")
            .parse()
            .unwrap();
        let sizes = of("{ sizes = { side = \"server\", call = \"recv\" } }");
        assert_eq!(sizes.split(", ").count(), count, "{sizes}");
        // The last recv gave the end, and nothing is left.
        assert!(sizes.ends_with(", 0"), "{sizes}");
        let nth =
            format!("{{ queue = {{ side = \"server\", call = \"recv\", number = {count} }} }}");
        assert_eq!(of(&nth), "0");
    }
}
