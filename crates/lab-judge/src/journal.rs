//! A case as a journal: what the check did and saw, and what the tracer saw of the program.
//!
//! Both are one record: the check plays one side of the run, and the program is the other. Where
//! there is no tracer, the program's side has what it printed and how it ended.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use lab_journal::{
    Call, Data, Entry, Event, Journal, Outcome, Output, Process, Segment, Side, Socket, Stream,
    ties,
};

use crate::kind::Kind;
use crate::verdict::{self, CaseReport, Ends, Excerpt, Passed, ProgramReport, What};

/// The program, where no tracer tells its process.
const PROGRAM: u32 = 0;
/// So many lines of what a program printed are taken where no tracer saw each.
const LINES: usize = 20;

/// The side of a run that a program under test is on. One that runs alone meets servers.
#[must_use]
pub fn side(kind: Kind) -> Side {
    match kind {
        Kind::Server => Side::Server,
        Kind::Client | Kind::Program => Side::Client,
    }
}

/// What happened in a case. `recorded` is what the tracer saw of each program that it started.
#[must_use]
pub fn of_case(case: &CaseReport, kind: Kind, recorded: Vec<Journal>) -> Journal {
    let side = side(kind);
    let mut journal = Journal::default();
    let traced = !recorded.is_empty();
    for part in recorded {
        add(&mut journal, part);
    }
    if kind == Kind::Server {
        leave_out_refused(&mut journal);
    }
    let check = std::process::id();
    let process = |pid, side, played| Process {
        pid,
        side,
        parent: None,
        played,
    };
    let other = side.other();
    journal.processes.push(process(check, other, true));
    let mut writer = Writer {
        began: case.began,
        check,
        sockets: HashMap::new(),
        journal,
    };
    for event in &case.events {
        writer.event(event);
    }
    let mut journal = writer.journal;
    if !traced {
        journal.processes.push(process(PROGRAM, side, false));
        let end = journal.entries.iter().map(|entry| entry.at).max();
        for program in &case.programs {
            journal.entries.extend(printed(program, end.unwrap_or(0)));
        }
    }
    let (yours, ours) = (side.name(), other.name());
    let alone = match kind {
        Kind::Program => "the client here is your program".to_string(),
        Kind::Server | Kind::Client => format!("the {yours} is your program"),
    };
    let sides = format!("{alone}, and the {ours} is the check");
    journal.notes.insert(0, sides);
    journal.entries.sort_by_key(|entry| entry.at);
    ties::tie(&mut journal);
    journal
}

/// Adds what the tracer saw of one more program. In a network that several share, each tracer sees
/// all segments: those that one has seen are not taken from the next.
fn add(journal: &mut Journal, part: Journal) {
    let moved = |place: usize| place + journal.sockets.len();
    let is_segment = |entry: &&Entry| matches!(entry.event, Event::Segment(_));
    let seen = journal.entries.iter().filter(is_segment);
    let seen = seen.map(|entry| entry.at).max();
    let mut entries = part.entries;
    entries.retain(|entry| !is_segment(&entry) || Some(entry.at) > seen);
    for entry in &mut entries {
        if let Event::Call(call) = &mut entry.event {
            call.socket = call.socket.map(moved);
            call.accepted = call.accepted.map(moved);
        }
    }
    journal.entries.extend(entries);
    journal.processes.extend(part.processes);
    journal.sockets.extend(part.sockets);
    journal.left_out += part.left_out;
    for note in part.notes {
        if !journal.notes.contains(&note) {
            journal.notes.push(note);
        }
    }
}

/// The check connects again and again until the server listens. Nobody wants to see that.
fn leave_out_refused(journal: &mut Journal) {
    let ports = |segment: &Segment| {
        let (from, to) = (segment.from.port(), segment.to.port());
        (from.min(to), from.max(to))
    };
    let mut met = HashSet::new();
    for entry in &journal.entries {
        if let Event::Segment(segment) = &entry.event
            && !(segment.rst || segment.syn && !segment.ack)
        {
            met.insert(ports(segment));
        }
    }
    let before = journal.entries.len();
    journal.entries.retain(|entry| match &entry.event {
        Event::Segment(segment) => met.contains(&ports(segment)),
        _ => true,
    });
    let refused = (before - journal.entries.len()) / 2;
    if refused > 0 {
        let note = format!(
            "before the server listened, the check tried to connect {refused} times, which is not drawn"
        );
        journal.notes.push(note);
    }
}

/// Writes the check's events.
struct Writer {
    began: SystemTime,
    /// The check's process.
    check: u32,
    /// The check's sockets, by their places in the journal.
    sockets: HashMap<Ends, usize>,
    journal: Journal,
}

impl Writer {
    fn event(&mut self, event: &verdict::Event) {
        let thread = event
            .who
            .strip_prefix("client ")
            .and_then(|number| number.parse().ok())
            .unwrap_or(0);
        let is_side = thread > 0 || ["server", "router", "we"].contains(&event.who.as_str());
        let words = |words: &str| match is_side {
            true => words.to_string(),
            false => format!("{}: {words}", event.who),
        };
        let did = |writer: &mut Self, words: String| {
            let socket = writer.socket(event.socket);
            let call = writer.call(event.at, thread, words, socket);
            writer.add(event.at, call);
        };
        match &event.what {
            What::Sent(pieces) if event.passed.is_empty() => {
                for piece in pieces {
                    did(self, words(&format!("sent {}", in_quotes(piece))));
                }
            }
            What::Received(bytes) if event.passed.is_empty() => {
                did(self, words(&format!("received {}", in_quotes(bytes))));
            }
            What::Sent(pieces) => {
                let pieces: Vec<&Excerpt> = pieces.iter().collect();
                self.passed(event, thread, &pieces);
            }
            What::Received(bytes) => self.passed(event, thread, &[bytes]),
            What::Datagram(what, bytes) => {
                self.passed(event, thread, &[bytes]);
                let plain = ["sent a datagram", "received a datagram"];
                if event.passed.is_empty() || !plain.iter().any(|plain| what.starts_with(plain)) {
                    did(self, words(what));
                }
            }
            What::Awaited(what, how_long) => {
                let seconds = how_long.as_secs_f64();
                did(self, words(&format!("waited {seconds} s for {what}")));
            }
            What::LeftOut(count) => did(self, format!("{count} steps, not kept")),
            What::Did(what) => {
                self.passed(event, thread, &[]);
                // What the system calls it says what the segments after it are.
                let what = match what.as_str() {
                    "closed the connection" => "close",
                    other => other,
                };
                did(self, words(what));
            }
        }
    }

    /// The bytes that passed in an event. What was read in several pieces is one run of bytes.
    fn passed(&mut self, event: &verdict::Event, thread: u32, bytes: &[&Excerpt]) {
        let socket = self.socket(event.socket);
        let mut begin = 0;
        for (number, passed) in event.passed.iter().enumerate() {
            let Passed { at, sent, .. } = *passed;
            let length = usize::try_from(passed.length).unwrap_or(usize::MAX);
            let kept = match (sent, bytes) {
                (true, _) => bytes.get(number).map(|piece| &piece.head[..]),
                (false, [run]) => run.head.get(begin..),
                (false, _) => None,
            };
            let kept = kept.unwrap_or_default();
            begin = begin.saturating_add(length);
            let data = Data {
                sent,
                peeked: false,
                offset: passed.offset,
                length: passed.length,
                bytes: kept[..kept.len().min(length)].to_vec(),
                with: passed.with,
                from: Vec::new(),
            };
            let name = match (sent, passed.with) {
                (true, None) => "send",
                (true, Some(_)) => "sendto",
                (false, None) => "recv",
                (false, Some(_)) => "recvfrom",
            };
            let call = Call {
                data: Some(data),
                ..self.call(at, thread, name.to_string(), socket)
            };
            self.add(at, call);
        }
    }

    fn socket(&mut self, ends: Option<Ends>) -> Option<usize> {
        let ends = ends?;
        let sockets = &mut self.journal.sockets;
        Some(*self.sockets.entry(ends).or_insert_with(|| {
            sockets.push(Socket {
                transport: ends.transport,
                local: Some(ends.local),
                peer: ends.peer,
            });
            sockets.len() - 1
        }))
    }

    fn call(&self, at: SystemTime, thread: u32, name: String, socket: Option<usize>) -> Call {
        Call {
            process: self.check,
            thread,
            name,
            socket,
            arguments: Vec::new(),
            accepted: None,
            ended: Some(since(self.began, at)),
            outcome: Outcome::Value(0),
            data: None,
            source: None,
        }
    }

    fn add(&mut self, at: SystemTime, call: Call) {
        self.journal.entries.push(Entry {
            at: since(self.began, at),
            event: Event::Call(call),
        });
    }
}

/// What a program printed and how it ended: when is not known, so it is told at the end.
fn printed(program: &ProgramReport, at: u64) -> Vec<Entry> {
    let output = |stream, text: String| Entry {
        at,
        event: Event::Output(Output {
            process: PROGRAM,
            stream,
            text,
        }),
    };
    let mut entries = Vec::new();
    for (stream, bytes) in [
        (Stream::Stdout, &program.stdout),
        (Stream::Stderr, &program.stderr),
    ] {
        let kept = match bytes.tail.is_empty() {
            true => &bytes.head,
            false => &bytes.tail,
        };
        let text = String::from_utf8_lossy(kept);
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        let first = lines.len().saturating_sub(LINES);
        let lines = lines[first..].iter();
        entries.extend(lines.map(|line| output(stream, (*line).to_string())));
    }
    entries
}

fn in_quotes(bytes: &Excerpt) -> String {
    crate::report::quote::excerpt(bytes)
}

fn since(began: SystemTime, at: SystemTime) -> u64 {
    let since = at.duration_since(began).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
