//! What a relay saw, as a journal.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::time::SystemTime;

use lab_journal::picture::Live;
use lab_journal::{
    Call, Data, Entry, Event, Exit, Journal, Outcome, Process, Segment, Side, Socket, Transport,
};

use crate::entries::{MOST_ENTRIES, since};
use crate::relay::{KEPT, Sight, Way};

/// So many bytes of a run are kept; then only their number.
const MOST_BYTES: usize = 32 << 20;
/// The processes that stand for the sides.
const SERVER: u32 = 1;
const CLIENT: u32 = 2;

/// Writes the journal, and draws it as it grows.
pub struct Sightings {
    began: SystemTime,
    journal: Journal,
    live: Live,
    ways: HashMap<(Transport, u32), State>,
    kept: usize,
}

/// What is known of a way.
#[derive(Debug, Default)]
struct State {
    /// The place of the server's socket in the journal; the client's comes after it.
    sockets: usize,
    server: Counts,
    client: Counts,
    reset: bool,
}

/// How far a side's stream is.
#[derive(Debug, Default)]
struct Counts {
    sent: u64,
    passed: u64,
}

impl Sightings {
    /// An empty journal, with a note that says where it comes from.
    pub fn new(began: SystemTime, live: Live, note: String) -> Self {
        let process = |pid, side| Process {
            pid,
            side,
            parent: None,
            played: false,
        };
        let journal = Journal {
            processes: vec![process(SERVER, Side::Server), process(CLIENT, Side::Client)],
            notes: vec![note],
            relay: true,
            ..Journal::default()
        };
        Sightings {
            began,
            journal,
            live,
            ways: HashMap::new(),
            kept: 0,
        }
    }

    /// What was recorded.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Another note.
    pub fn note(&mut self, note: &str) {
        self.journal.notes.push(note.to_string());
    }

    /// A side's program has ended.
    pub fn ended(&mut self, side: Side, (code, signal): (Option<i32>, Option<i32>)) -> Exit {
        let exit = Exit {
            process: process_of(side),
            code,
            signal,
        };
        let at = self.now();
        let event = Event::Exit(exit);
        self.journal.entries.push(Entry { at, event });
        exit
    }

    /// A clock that was set back must not turn the order round.
    fn now(&self) -> u64 {
        let at = since(self.began);
        let last = self.journal.entries.last();
        last.map_or(at, |last| at.max(last.at))
    }

    /// Records something, and gives the lines that show it.
    pub fn add(&mut self, way: Way, sight: Sight<'_>) -> String {
        if self.journal.entries.len() >= MOST_ENTRIES {
            self.journal.left_out += 1;
            return match self.journal.left_out {
                1 => format!(
                    "after {MOST_ENTRIES} events the journal is full: all is still passed on, and no longer shown\n"
                ),
                _ => String::new(),
            };
        }
        let at = self.now();
        let first = self.journal.entries.len();
        for event in self.events(at, way, sight) {
            self.journal.entries.push(Entry { at, event });
        }
        (first..self.journal.entries.len())
            .map(|place| self.live.lines(&self.journal, place))
            .collect()
    }

    /// The events that stand for a sight.
    fn events(&mut self, at: u64, way: Way, sight: Sight<'_>) -> Vec<Event> {
        let Sightings {
            journal,
            ways,
            kept,
            ..
        } = self;
        let state = ways
            .entry((way.transport, way.number))
            .or_insert_with(|| State::new(journal, way));
        // What one side broke, the relay breaks on the other side too, and hears of that.
        if state.reset {
            return Vec::new();
        }
        let socket = state.sockets;
        let did = |side: Side, name: &str| Call {
            process: process_of(side),
            thread: way.number,
            name: name.to_string(),
            socket: Some(match side {
                Side::Server => socket,
                Side::Client => socket + 1,
            }),
            arguments: Vec::new(),
            accepted: None,
            ended: Some(at),
            outcome: Outcome::Value(0),
            source: None,
            data: None,
        };
        let call = |side: Side, name: &str| vec![Event::Call(did(side, name))];
        let rst = |sender: Side| {
            Event::Segment(Segment {
                rst: true,
                ..way.segment(sender, &[])
            })
        };
        match sight {
            Sight::Came => call(Side::Client, "connects"),
            Sight::Reached => call(Side::Server, "is reached"),
            Sight::Unreachable(error) if error.kind() == ErrorKind::ConnectionRefused => {
                call(Side::Server, "nobody listens")
            }
            Sight::Unreachable(error) => call(Side::Server, &format!("not reached: {error}")),
            Sight::Sent(side, bytes) => {
                let room = MOST_BYTES.saturating_sub(*kept).min(KEPT);
                let kept_bytes = &bytes[..bytes.len().min(room)];
                *kept += kept_bytes.len();
                let counts = state.of(side);
                let length = bytes.len() as u64;
                let offset = match way.transport {
                    Transport::Tcp => counts.sent,
                    Transport::Udp => 0,
                };
                counts.sent += length;
                let data = Data {
                    sent: true,
                    peeked: false,
                    offset,
                    length,
                    bytes: kept_bytes.to_vec(),
                    with: None,
                    from: Vec::new(),
                };
                vec![Event::Call(Call {
                    data: Some(data),
                    ..did(side, "sends")
                })]
            }
            Sight::Passed(side, bytes) => {
                let counts = state.of(side);
                let offset = (way.transport == Transport::Tcp).then_some(counts.passed);
                counts.passed += bytes.len() as u64;
                vec![Event::Segment(Segment {
                    offset,
                    ..way.segment(side, bytes)
                })]
            }
            Sight::Lost(side, bytes) => vec![way.lost(side, bytes)],
            Sight::Ended(side) => call(side, "sends no more"),
            Sight::EndPassed(side) => vec![Event::Segment(Segment {
                fin: true,
                offset: Some(state.of(side).passed),
                ..way.segment(side, &[])
            })],
            Sight::Reset(by) => {
                state.reset = true;
                match by {
                    Some(side) => vec![Event::Call(did(side, "resets")), rst(side)],
                    None => vec![rst(Side::Client), rst(Side::Server)],
                }
            }
        }
    }
}

fn process_of(side: Side) -> u32 {
    match side {
        Side::Server => SERVER,
        Side::Client => CLIENT,
    }
}

impl State {
    /// The state of a way that is new, with its sockets in the journal.
    fn new(journal: &mut Journal, way: Way) -> Self {
        let sockets = journal.sockets.len();
        for (local, peer) in [(way.server, way.client), (way.client, way.server)] {
            journal.sockets.push(Socket {
                transport: way.transport,
                local: Some(local),
                peer: Some(peer),
            });
        }
        State {
            sockets,
            ..State::default()
        }
    }

    fn of(&mut self, side: Side) -> &mut Counts {
        match side {
            Side::Server => &mut self.server,
            Side::Client => &mut self.client,
        }
    }
}
