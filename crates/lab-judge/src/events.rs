//! What happens in a case, as it is written down: the evidence.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use lab_journal::Transport;
use labnet::lock;

/// How much of a long run of bytes the evidence keeps, at either end.
const KEPT: usize = 2048;

/// Bytes as evidence: all of them, or both ends and how many there were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The beginning.
    pub head: Vec<u8>,
    /// The end, where the middle was left out.
    pub tail: Vec<u8>,
    /// How many bytes there were in all.
    pub total: usize,
}

impl Excerpt {
    /// Keeps both ends.
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.len() <= 2 * KEPT {
            return Excerpt {
                head: bytes.to_vec(),
                tail: Vec::new(),
                total: bytes.len(),
            };
        }
        Excerpt {
            head: bytes[..KEPT].to_vec(),
            tail: bytes[bytes.len() - KEPT..].to_vec(),
            total: bytes.len(),
        }
    }

    /// All that was kept: both ends, without a sign of what was left out between them.
    pub fn kept(self) -> Vec<u8> {
        [self.head, self.tail].concat()
    }
}

/// Something that happened on the wire.
#[derive(Debug, Clone)]
pub struct Event {
    /// Whose doing or hearing it was: `client 1`, `the server`.
    pub who: String,
    /// What happened.
    pub what: What,
    /// When.
    pub at: SystemTime,
    /// The socket of ours on which it happened, where it was one that tells what passes.
    pub socket: Option<Ends>,
    /// The bytes that passed on it, in their order: of what was sent in pieces, each piece.
    pub passed: Vec<Passed>,
}

/// A socket of ours: its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ends {
    /// TCP or UDP.
    pub transport: Transport,
    /// Ours.
    pub local: SocketAddr,
    /// The program's, where the socket is connected.
    pub peer: Option<SocketAddr>,
}

/// Bytes that passed on a socket of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// When.
    pub at: SystemTime,
    /// Whether we sent them.
    pub sent: bool,
    /// How many bytes of the stream, in this direction, came before them. 0 for a datagram.
    pub offset: u64,
    /// How many they are.
    pub length: u64,
    /// The other side of a datagram.
    pub with: Option<SocketAddr>,
}

/// What happened on the wire.
#[derive(Debug, Clone)]
pub enum What {
    /// We sent this, in these pieces; each was taken before the next went.
    Sent(Vec<Excerpt>),
    /// This came.
    Received(Excerpt),
    /// A datagram: what became of it (`sent a datagram of 5 bytes`), and what is in it.
    Datagram(String, Excerpt),
    /// We waited for something that did not come.
    Awaited(String, Duration),
    /// So many steps were not kept.
    LeftOut(usize),
    /// Anything else: `connected`, `broke the connection off (RST)`.
    Did(String),
}

/// What happened in a case, written down by all who took part. One that belongs to a socket tells
/// with each event on which.
#[derive(Debug, Clone, Default)]
pub struct Log {
    written: Arc<Mutex<Written>>,
    socket: Option<Ends>,
}

/// The events, and how many bytes have been received on each socket.
#[derive(Debug, Default)]
struct Written {
    events: Vec<Event>,
    received: HashMap<Ends, u64>,
}

/// A hostile program may make events without end; the evidence keeps this many.
const KEPT_EVENTS: usize = 400;

impl Log {
    /// The same log, for what happens on a socket of ours.
    #[must_use]
    pub fn on(&self, socket: Ends) -> Self {
        Log {
            socket: Some(socket),
            ..self.clone()
        }
    }

    /// The same log, for events that tell of messages and not of the bytes on a socket.
    #[must_use]
    pub fn apart(&self) -> Self {
        Log {
            socket: None,
            ..self.clone()
        }
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        lock(&self.written)
    }

    /// Adds an event.
    pub fn add(&self, who: &str, what: What) {
        let at = SystemTime::now();
        let mut written = self.written();
        let Written { events, received } = &mut *written;
        let mut passed = Vec::new();
        if let (Some(socket), What::Received(new)) = (self.socket, &what) {
            let before = received.entry(socket).or_default();
            let length = new.total as u64;
            passed.push(Passed {
                at,
                sent: false,
                offset: *before,
                length,
                with: None,
            });
            *before += length;
        }
        // Bytes received one after another are one reception: the kernel cuts them by chance.
        if let What::Received(new) = &what
            && let Some(Event {
                who: last,
                what: What::Received(old),
                passed: earlier,
                socket,
                ..
            }) = events.last_mut()
            && last == who
            && *socket == self.socket
            && old.tail.is_empty()
            && old.head.len() + new.head.len() <= KEPT
            && new.tail.is_empty()
        {
            old.head.extend_from_slice(&new.head);
            old.total += new.total;
            earlier.extend(passed);
            return;
        }
        let new = Event {
            who: who.to_string(),
            what,
            at,
            socket: self.socket,
            passed,
        };
        // Anyone who knows better what was waited for says it again.
        if let (What::Awaited(..), Some(last)) = (&new.what, events.last_mut())
            && matches!(last.what, What::Awaited(..))
            && last.who == who
        {
            *last = new;
            return;
        }
        // How it began and how it ended tell more than the middle.
        if events.len() == KEPT_EVENTS {
            events.remove(KEPT_EVENTS / 2 + 1);
            let place = &mut events[KEPT_EVENTS / 2];
            match &mut place.what {
                What::LeftOut(count) => *count += 1,
                what => *what = What::LeftOut(2),
            }
            place.passed.clear();
        }
        events.push(new);
    }

    /// Bytes passed: those of the last event on this socket that tells of any.
    pub fn passed(&self, passed: Passed) {
        let Some(socket) = self.socket else { return };
        let mut written = self.written();
        let mut events = written.events.iter_mut().rev();
        let last = events.find(|event| {
            event.socket == Some(socket)
                && matches!(
                    event.what,
                    What::Sent(_) | What::Datagram(..) | What::Did(_)
                )
        });
        if let Some(event) = last {
            event.passed.push(passed);
        }
    }

    /// Adds an event in words.
    pub fn did(&self, who: &str, what: impl Into<String>) {
        self.add(who, What::Did(what.into()));
    }

    /// All events so far.
    pub fn events(&self) -> Vec<Event> {
        self.written().events.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_received_one_after_another_are_one_reception() {
        let log = Log::default();
        log.add("client 1", What::Received(Excerpt::of(b"ab")));
        log.add("client 1", What::Received(Excerpt::of(b"c")));
        log.add("client 2", What::Received(Excerpt::of(b"d")));
        let events = log.events();
        assert_eq!(events.len(), 2);
        assert!(matches!(&events[0].what, What::Received(e) if e.head == b"abc" && e.total == 3));
    }

    #[test]
    fn of_too_many_events_the_middle_is_left_out() {
        let log = Log::default();
        for number in 0..KEPT_EVENTS + 100 {
            log.did("we", number.to_string());
        }
        let events = log.events();
        assert_eq!(events.len(), KEPT_EVENTS);
        let left_out: usize = events
            .iter()
            .map(|event| match event.what {
                What::LeftOut(count) => count,
                _ => 0,
            })
            .sum();
        assert_eq!(events.len() - 1 + left_out, KEPT_EVENTS + 100);
        assert!(matches!(&events.last().unwrap().what, What::Did(last) if last == "499"));
    }

    #[test]
    fn a_long_run_of_bytes_keeps_both_ends_and_its_length() {
        let bytes: Vec<u8> = (0..10_000_u32).map(|n| n.to_be_bytes()[3]).collect();
        let excerpt = Excerpt::of(&bytes);
        assert_eq!(excerpt.total, 10_000);
        assert_eq!(excerpt.head, bytes[..KEPT]);
        assert_eq!(excerpt.tail, bytes[10_000 - KEPT..]);
    }
}
