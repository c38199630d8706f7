//! A peer as the realms know it: what is for it goes into its outbox, as far as its limits allow.
//!
//! One file, since a batch is what all that was put into outboxes leaves to be done.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use std::{io, mem};

use bytes::Bytes;

use super::events::RouterEvent;
use super::metrics::Metrics;
use super::turns::{Sharer, Turns};
use crate::frames::{self, Side};
use crate::memory::{Charge, Cost, Memory, counted};
use crate::messages::{Dict, EventRest, Format, Id, Message, Payload};
use crate::outbox::{Outbox, Queue};
use crate::realm::Shared;
use crate::stream::Stream;

/// Up to this size a message is made a frame when it is put in, with the realm locked: that takes
/// less time than to keep the message. A larger one is left to the one who writes it, and so is one
/// in another serialization.
const AT_ONCE: usize = 4 * 1024;

/// What a message counts next to its arguments before its frame is made.
const OVERHEAD: usize = 256;

/// How many bytes of memory a byte of arguments takes at most while it is put into another
/// serialization: each value may be a single byte.
pub(super) const VALUES: usize = 33;

/// Where a session is. It hears of messages that could not be put into the peer's serialization.
pub(super) trait Home: Send + Sync {
    /// This message was for the session, and this is why it is not sent.
    fn lost(&self, session: Id, message: &Message, why: &str);
}

/// The session that a connection has become.
struct Membership {
    session: Id,
    home: Box<dyn Home>,
    /// Where it is counted.
    formats: Arc<Formats>,
}

/// How many sessions of a realm speak each serialization.
#[derive(Debug, Default)]
pub(super) struct Formats([AtomicUsize; Format::ALL.len()]);

impl Formats {
    fn count(&self, format: Format) -> &AtomicUsize {
        &self.0[format.place()]
    }

    /// The request of a publication that wants an answer and has no form in a serialization that
    /// somebody here speaks, and why.
    pub(super) fn refuse(&self, message: &Message) -> Option<(Id, String)> {
        let Message::Publish {
            request,
            options,
            payload,
            ..
        } = message
        else {
            return None;
        };
        let spoken = |format: &Format| self.count(*format).load(Ordering::Relaxed) > 0;
        let error = |format| payload.to_format(format).err();
        let mut others = Format::ALL.into_iter().filter(spoken);
        let why = options.flag("acknowledge").then(|| others.find_map(error));
        why.flatten().map(|why| (*request, why.to_string()))
    }
}

/// The way out to a session, or to what is going to be one.
pub(super) struct Peer {
    outbox: Arc<Outbox>,
    format: Format,
    /// The most bytes that may wait.
    limit: usize,
    membership: OnceLock<Membership>,
    /// The code of the close frame, where it is not the one that [`Peer::close`] is given.
    code: OnceLock<u16>,
    /// Where it is.
    address: SocketAddr,
    /// The connection's number: no two have the same.
    number: u64,
    memory: Arc<Memory>,
    /// The bytes of a message that has come in part, or is being handled.
    coming: AtomicUsize,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").finish_non_exhaustive()
    }
}

/// What became of something that was put in.
pub(super) enum Pushed {
    /// It waits to be written; `true` when the outbox has to be remembered for that.
    Queued(bool),
    /// The peer has ended or is about to: nobody will read it.
    Dropped,
    /// It is an invocation, and so much waits that it is better answered by an error.
    Refused(Message),
    /// Too much waits: the session has to be put out.
    Full,
}

impl Peer {
    /// For a connected socket; at most `limit` bytes may wait.
    pub(super) fn new(
        socket: Arc<Stream>,
        format: Format,
        limit: usize,
        metrics: &Metrics,
        address: SocketAddr,
    ) -> io::Result<Arc<Self>> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let outbox = Outbox::new(socket, metrics.traffic.clone(), true)?;
        Ok(Arc::new(Peer {
            outbox: Arc::new(outbox),
            format,
            limit,
            membership: OnceLock::new(),
            code: OnceLock::new(),
            address,
            number: LAST.fetch_add(1, Ordering::Relaxed),
            memory: metrics.traffic.memory.clone(),
            coming: AtomicUsize::new(0),
        }))
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is and what it speaks, as `wamp.session.get` tells.
    pub(super) fn transport(&self) -> Dict {
        let family = if self.address.is_ipv4() {
            "tcp4"
        } else {
            "tcp6"
        };
        Dict::new()
            .with("type", "websocket")
            .with("protocol", self.format.subprotocol())
            .with("peer", format!("{family}:{}", self.address))
    }

    /// So many bytes of a message have come that is not whole or not handled.
    pub(super) fn set_coming(&self, bytes: usize) {
        self.coming.store(bytes, Ordering::Relaxed);
    }

    /// What is held for it: what waits for it, and what it has begun to send.
    pub(super) fn holds(&self) -> usize {
        let waits = self.outbox.queue().bytes();
        waits.saturating_add(self.coming.load(Ordering::Relaxed))
    }

    /// Throws away what waits. A peer that does not take what
    /// has begun to leave cannot be told why: it is cut.
    pub(super) fn evict(&self) {
        let mut queue = self.outbox.queue();
        queue.evict();
        let is_stuck = queue.in_flight() > AT_ONCE;
        drop(queue);
        if is_stuck {
            self.outbox.cut();
        }
    }

    /// Ends the reading: anyone who waits for what the peer sends sees its end.
    pub(super) fn stop_reading(&self) {
        self.outbox.stop_reading();
    }

    /// Tells which session this is, and where.
    pub(super) fn belongs_to(&self, session: Id, home: Box<dyn Home>, formats: &Arc<Formats>) {
        let membership = Membership {
            session,
            home,
            formats: formats.clone(),
        };
        // It is set once: a connection has one session.
        if self.membership.set(membership).is_ok() {
            formats.count(self.format).fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn session(&self) -> Option<Id> {
        self.membership.get().map(|membership| membership.session)
    }

    /// Puts a message in. The one who does has a number: see [`Batch`].
    pub(super) fn push(self: &Arc<Self>, message: Message, number: u64) -> Pushed {
        let size = size(&message);
        let mut queue = self.outbox.queue();
        let crowded = queue.bytes() > 0 && queue.bytes() + size + OVERHEAD > self.limit / 4 * 3;
        if crowded && matches!(message, Message::Invocation { .. }) && !queue.is_ending() {
            return Pushed::Refused(message);
        }
        if let Some(turned_away) = self.turn_away(&mut queue, size) {
            return turned_away;
        }
        let at_once = size <= AT_ONCE && self.carries(&message);
        if !at_once || queue.message(|out| self.encode(&message, out)).is_err() {
            let peer = self.clone();
            let later = move |out: &mut Vec<u8>| {
                if let Err(why) = peer.encode(&message, out) {
                    peer.report(&message, &why);
                }
                Bytes::new()
            };
            let all = size + OVERHEAD;
            queue.message_later(Cost { all, own: all }, Box::new(later));
        }
        Pushed::Queued(queue.owes_flush(number))
    }

    /// Puts an event in that others get as well, for a subscription.
    pub(super) fn push_event(
        self: &Arc<Self>,
        subscription: Id,
        event: &Arc<Shared>,
        number: u64,
    ) -> Pushed {
        let size = event.payload.size();
        let at_once = size <= AT_ONCE && self.speaks(&event.payload);
        let rest = at_once.then(|| self.rest_of(event));
        let mut queue = self.outbox.queue();
        if let Some(turned_away) = self.turn_away(&mut queue, size) {
            return turned_away;
        }
        match rest {
            Some(Ok(rest)) => {
                let appended = queue.message(|out| {
                    frames::message(Side::Server, self.format.is_text(), out, |out| {
                        rest.head_to(subscription, out);
                        out.extend_from_slice(rest.bytes());
                        Ok::<(), std::convert::Infallible>(())
                    })
                });
                let Ok(()) = appended;
            }
            // What has no form in this serialization is left out: nobody waits for it.
            Some(Err(_)) => return Pushed::Queued(false),
            None => {
                event.charge.get_or_init(|| Charge::new(&self.memory, size));
                let (peer, event) = (self.clone(), event.clone());
                let later = move |out: &mut Vec<u8>| match peer.rest_of(&event) {
                    Ok(rest) => {
                        let head = rest.head(subscription);
                        let length = head.len() + rest.bytes().len();
                        frames::begin(peer.format.is_text(), length, out);
                        out.extend_from_slice(&head);
                        rest.bytes().clone()
                    }
                    Err(_) => Bytes::new(),
                };
                // The arguments are there once for all who get the event.
                let (all, own) = (size + OVERHEAD, OVERHEAD);
                queue.message_later(Cost { all, own }, Box::new(later));
            }
        }
        Pushed::Queued(queue.owes_flush(number))
    }

    /// Whether a message of this size may not be put in.
    fn turn_away(&self, queue: &mut Queue, size: usize) -> Option<Pushed> {
        if queue.is_ending() {
            return Some(Pushed::Dropped);
        }
        // A single message may be as large as the limit: what is alone never waits behind others.
        let waits = queue.bytes();
        let full = waits > 0 && waits.saturating_add(size + OVERHEAD) > self.limit;
        if full && queue.is_open() {
            queue.evict();
            return Some(Pushed::Full);
        }
        None
    }

    /// Whether a message's arguments are in the peer's serialization already.
    fn carries(&self, message: &Message) -> bool {
        let payload = message.payload();
        payload.is_none_or(|payload| self.speaks(payload))
    }

    /// Whether arguments are in the peer's serialization already.
    fn speaks(&self, payload: &Payload) -> bool {
        payload.is_empty() || payload.format() == self.format
    }

    /// Puts whole frames in; `false` when there is no room.
    pub(super) fn push_frames(&self, frames: &[u8]) -> bool {
        let mut queue = self.outbox.queue();
        if !queue.is_open() {
            return true;
        }
        let waits = queue.bytes();
        if waits > 0 && waits.saturating_add(frames.len()) > self.limit {
            return false;
        }
        queue.control(frames);
        true
    }

    /// Appends a message as one frame.
    fn encode(&self, message: &Message, out: &mut Vec<u8>) -> Result<(), String> {
        let _charge = self.may_translate(message.payload())?;
        frames::message(Side::Server, self.format.is_text(), out, |out| {
            message.encode(self.format, out)
        })
        .map_err(|error| error.to_string())
    }

    /// An event but for its subscription, which is encoded once for all peers of a serialization.
    fn rest_of<'a>(&self, event: &'a Shared) -> &'a Result<EventRest, String> {
        event.encoded[self.format.place()].get_or_init(|| {
            let _charge = self.may_translate(Some(&event.payload))?;
            let rest = EventRest::new(
                self.format,
                event.publication,
                &event.details,
                &event.payload,
            );
            match rest {
                Ok(rest) if rest.bytes().len() > AT_ONCE => {
                    Ok(rest.map_bytes(|bytes| counted(bytes, &self.memory)))
                }
                Ok(rest) => Ok(rest),
                Err(error) => Err(error.to_string()),
            }
        })
    }

    /// The memory that is needed for a while to put arguments into the peer's serialization, if
    /// they are in another one.
    fn may_translate(&self, payload: Option<&Payload>) -> Result<Option<Charge>, String> {
        let foreign = payload.filter(|payload| payload.format() != self.format);
        let size = foreign.map_or(0, Payload::size);
        if size <= AT_ONCE {
            return Ok(None);
        }
        let needed = size.saturating_mul(VALUES);
        if !self.memory.has_room(needed) {
            return Err(format!(
                "{size} bytes of arguments are too many to be put into another serialization here; \
                 both peers may use the same one"
            ));
        }
        Ok(Some(Charge::new(&self.memory, needed)))
    }

    fn report(&self, message: &Message, why: &str) {
        if let Some(Membership { session, home, .. }) = self.membership.get() {
            home.lost(*session, message, why);
        }
    }

    /// Says which code the close frame will have, no matter who ends the connection.
    pub(super) fn closes_with(&self, code: u16) {
        // The first reason counts.
        let _set_before = self.code.set(code);
    }

    /// Ends the connection once all before has been written: a close frame with this code.
    pub(super) fn close(&self, code: u16) {
        let code = self.code.get().copied().unwrap_or(code);
        self.outbox
            .queue()
            .end(&frames::close(Side::Server, code, ""));
    }

    /// Whether the end has been put in, or the connection is broken.
    pub(super) fn is_ending(&self) -> bool {
        self.outbox.queue().is_ending()
    }

    /// Writes what waits.
    pub(super) fn flush(&self) {
        self.outbox.flush();
    }

    /// Gives memory back: the peer has been silent for a while.
    pub(super) fn rest(&self) {
        self.outbox.rest();
    }

    /// Waits until everything has been written, or never will be.
    pub(super) fn settle(&self, deadline: Instant) -> bool {
        self.outbox.settle(deadline)
    }

    /// Closes the socket in both directions.
    pub(super) fn cut(&self) {
        self.outbox.cut();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(membership) = self.membership.get() {
            let count = membership.formats.count(self.format);
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The bytes of a message's arguments.
fn size(message: &Message) -> usize {
    message.payload().map_or(0, Payload::size)
}

/// What the handling of messages that came together leaves to be done once for all of them:
/// outboxes to be flushed, and counters that other connections' threads count with as well.
pub(super) struct Batch {
    /// Tells an outbox who has put something into it: see
    /// [`Queue::owes_flush`](crate::outbox::Queue::owes_flush).
    number: u64,
    peers: Vec<Arc<Peer>>,
    pub(super) messages: u64,
    pub(super) calls: u64,
    pub(super) publications: u64,
    /// What happened meanwhile: it is told when no realm is locked.
    events: Vec<RouterEvent>,
    /// The session for which it is, if it is for one.
    sharer: Option<Sharer>,
}

impl Batch {
    pub(super) fn new() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Batch {
            number: LAST.fetch_add(1, Ordering::Relaxed) + 1,
            peers: Vec::new(),
            messages: 0,
            calls: 0,
            publications: 0,
            events: Vec::new(),
            sharer: None,
        }
    }

    /// For a session, which takes its turns.
    pub(super) fn of_session(turns: &Arc<Turns>) -> Self {
        Batch {
            sharer: Some(Sharer::new(turns)),
            ..Batch::new()
        }
    }

    /// Waits until it is this session's turn, unless it is.
    pub(super) fn begin_turn(&mut self) {
        if let Some(sharer) = &mut self.sharer {
            sharer.begin();
        }
    }

    /// Ends the session's turn, if it has one: before it waits for anything else.
    pub(super) fn end_turn(&mut self) {
        if let Some(sharer) = &mut self.sharer {
            sharer.end();
        }
    }

    /// Whether others wait for a turn, and this session has had one for long.
    pub(super) fn is_turn_over(&self) -> bool {
        self.sharer.as_ref().is_some_and(Sharer::is_over)
    }

    /// Remembers what happened.
    pub(super) fn tell(&mut self, event: RouterEvent) {
        self.events.push(event);
    }

    pub(super) fn take_events(&mut self) -> Vec<RouterEvent> {
        mem::take(&mut self.events)
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// This one is to be flushed.
    pub(super) fn touch(&mut self, peer: Arc<Peer>) {
        self.peers.push(peer);
    }

    /// Counts and flushes.
    pub(super) fn finish(&mut self, metrics: &Metrics) {
        for (number, counter) in [
            (&mut self.messages, &metrics.messages_in),
            (&mut self.calls, &metrics.calls),
            (&mut self.publications, &metrics.publications),
        ] {
            if *number > 0 {
                counter.fetch_add(mem::take(number), Ordering::Relaxed);
            }
        }
        for peer in self.peers.drain(..) {
            peer.flush();
        }
        self.peers.shrink_to(64);
    }
}
