//! The way out to a router: messages that any thread
//! puts in, never more of them than the session's limit.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use super::error::Error;
use super::options::Config;
use crate::frames::{self, Side};
use crate::messages::{Dict, Format, Id, Message, Payload, Uri, known};
use crate::outbox::{Outbox, Traffic};
use crate::stream::Stream;

/// How far what the session says of itself (GOODBYE, refusals of invocations) may exceed what may
/// wait: the user's own messages leave so much room.
const OWN_ROOM: usize = 64 * 1024;

/// The side that sends, for all threads. Nobody waits for the network: what the system does not
/// take at once is written by a thread of the outbox's own.
///
/// What is put in leaves with the next [`Sender::flush`]: messages that have to arrive in the order
/// of their ids are put in with the session locked, and flushed when it no longer is.
pub(super) struct Sender {
    outbox: Arc<Outbox>,
    format: Format,
    /// The most bytes that may wait.
    capacity: usize,
    max_message_size: usize,
    unanswered: Unanswered,
}

/// The messages that no answer comes to (results, publications without an acknowledgement). When
/// the router turns a message down as too large, it may have been one of them.
#[derive(Default)]
struct Unanswered {
    /// The largest one.
    largest: AtomicUsize,
    /// The request before the last one of them.
    after: AtomicU64,
    last_request: AtomicU64,
}

impl Unanswered {
    /// Takes note of a message that leaves. The outbox is locked meanwhile.
    fn note(&self, message: &Message, size: usize) {
        if let Some(request) = request_of(message) {
            self.last_request.store(request.get(), Ordering::Relaxed);
        } else {
            self.largest.fetch_max(size, Ordering::Relaxed);
            let last = self.last_request.load(Ordering::Relaxed);
            self.after.store(last, Ordering::Relaxed);
        }
    }
}

/// The request that a message is, if the router answers it.
fn request_of(message: &Message) -> Option<Id> {
    match message {
        Message::Publish { options, .. } if !options.flag("acknowledge") => None,
        Message::Publish { request, .. }
        | Message::Call { request, .. }
        | Message::Register { request, .. }
        | Message::Unregister { request, .. }
        | Message::Subscribe { request, .. }
        | Message::Unsubscribe { request, .. } => Some(*request),
        _ => None,
    }
}

impl Sender {
    pub(super) fn new(stream: Arc<Stream>, config: &Config) -> io::Result<Self> {
        // The router ends the connection, when it has read the close frame.
        let half_closes = false;
        let traffic = Arc::new(Traffic::default());
        Ok(Sender {
            outbox: Arc::new(Outbox::new(stream, traffic, half_closes)?),
            format: config.format,
            capacity: config.max_waiting_bytes,
            max_message_size: config.max_message_size,
            unanswered: Unanswered::default(),
        })
    }

    /// Puts a message in, and tells its size. When the connection
    /// is broken nothing happens: the reader will say so.
    ///
    /// # Errors
    ///
    /// When the message is too large, too much waits already, or the payload has no form in this
    /// serialization; then nothing was put in.
    pub(super) fn put(&self, message: &Message) -> Result<usize, Error> {
        self.append(message, |size, waiting| {
            if size > self.max_message_size {
                Err(Error::TooLarge(self.max_message_size))
            } else if waiting + size > self.capacity {
                Err(Error::Overrun)
            } else {
                Ok(())
            }
        })
    }

    /// Puts a message in that carries nothing of the user's, even where much waits already. Where
    /// far too much does, the router asks and does not read the answers: the connection is ended.
    pub(super) fn tell(&self, message: &Message) {
        let put = self.append(message, |size, waiting| {
            if waiting.saturating_add(size) > self.capacity.saturating_add(OWN_ROOM) {
                Err(Error::Overrun)
            } else {
                Ok(())
            }
        });
        if put.is_err() {
            self.break_off();
        }
    }

    /// `check` is given the message's size and what waits before it.
    fn append(
        &self,
        message: &Message,
        check: impl FnOnce(usize, usize) -> Result<(), Error>,
    ) -> Result<usize, Error> {
        let mut queue = self.outbox.queue();
        if queue.is_ending() {
            return Ok(0);
        }
        let waiting = queue.bytes();
        let mut size = 0;
        queue.message(|out| {
            frames::message(Side::Client, self.format.is_text(), out, |out| {
                let start = out.len();
                message.encode(self.format, out)?;
                size = out.len() - start;
                check(size, waiting)
            })
        })?;
        self.unanswered.note(message, size);
        Ok(size)
    }

    /// A byte has come from the router.
    pub(super) fn hears(&self) {
        self.outbox.touch();
    }

    /// When the router last showed that it is there.
    pub(super) fn last_sign_of_life(&self) -> Instant {
        self.outbox.last_sign_of_life()
    }

    /// The largest message without an answer that the router need not have read by the time at
    /// which it answered this request (0 for none).
    pub(super) fn largest_after(&self, answered: u64) -> usize {
        if self.unanswered.after.load(Ordering::Relaxed) < answered {
            return 0;
        }
        self.unanswered.largest.load(Ordering::Relaxed)
    }

    /// Puts a pong in.
    pub(super) fn pong(&self, frame: &[u8]) {
        let mut queue = self.outbox.queue();
        if !queue.is_ending() {
            queue.pong(frame);
        }
        drop(queue);
        self.flush();
    }

    /// Puts whole frames in.
    pub(super) fn put_frames(&self, frames: &[u8]) {
        let mut queue = self.outbox.queue();
        if !queue.is_ending() {
            queue.control(frames);
        }
        drop(queue);
        self.flush();
    }

    /// Sends what has been put in.
    pub(super) fn flush(&self) {
        self.outbox.flush();
    }

    pub(super) fn ping(&self) {
        self.put_frames(&frames::ping(Side::Client));
    }

    /// Says that the router broke the protocol.
    pub(super) fn abort(&self, text: &str) {
        let reason = Uri::new(known::PROTOCOL_VIOLATION);
        self.tell(&Message::Abort {
            details: Dict::new().with("message", text),
            reason: reason.expect("the specification's URIs are valid"),
            payload: Payload::empty(),
        });
        self.flush();
    }

    /// Takes no more, sends what waits and a close frame behind it.
    pub(super) fn finish(&self) {
        self.outbox
            .queue()
            .end(&frames::close(Side::Client, 1000, ""));
        self.flush();
    }

    /// Waits until all is written, or a deadline.
    pub(super) fn written(&self, deadline: Instant) -> bool {
        self.outbox.settle(deadline)
    }

    /// Ends the connection at once; whatever reads or writes on it fails.
    pub(super) fn break_off(&self) {
        self.outbox.cut();
    }
}
