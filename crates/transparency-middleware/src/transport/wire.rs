//! Between tungstenite and the socket.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::meter::Meter;
use super::peer::{Batch, Peer};
use super::router::Router;
use super::{CLOSE_PATIENCE, LARGEST_READ, READ_BUFFER, SLOWEST, STRANGERS_BYTES};
use crate::memory::Charge;
use crate::stream::Stream;

/// How long the socket is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// So long for each `recv`: a peer that sends something is there.
    Silence(Duration),
    /// Until then, however many pieces come: tungstenite
    /// asks again and again until a frame is whole.
    Until(Instant),
}

/// The stream that tungstenite reads from and writes to.
///
/// The system is asked for bytes only when there is no whole frame left. That is
/// the moment when everything that came has been handled, so what that made for
/// others is flushed just before: one write for many messages where many came at
/// once, one write at once where one came. What tungstenite itself writes (pong,
/// close) goes into the session's own outbox, in order with the rest.
pub(super) struct Wire {
    socket: Arc<Stream>,
    own: Arc<Peer>,
    /// What has been handled since the last read leaves to be done before the next.
    pub(super) batch: Batch,
    /// What tungstenite wrote and has not flushed.
    written: Vec<u8>,
    router: Arc<Router>,
    meter: Meter,
    /// What is kept of a message that is not whole or is being handled.
    charge: Charge,
    /// Since when a message has begun that is not whole, and
    /// how long it may take beyond what its bytes give it.
    begun: Option<Instant>,
    patience: Duration,
    /// How many bytes may come before the client has joined.
    pub(super) allowance: Option<usize>,
    /// What the client did that ended the reading.
    pub(super) fault: Option<&'static str>,
    /// For what is read next.
    pub(super) limit: Limit,
    /// The socket's `SO_RCVTIMEO`, where it is one for silence.
    silence: Option<Duration>,
    /// What the system gave and tungstenite has not asked for yet. tungstenite alone would ask for
    /// a frame's rest at a time as soon as a payload of its buffer is still in use.
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Wire {
    pub(super) fn new(
        socket: Arc<Stream>,
        own: Arc<Peer>,
        router: Arc<Router>,
        limit: Limit,
        patience: Duration,
    ) -> Self {
        Wire {
            meter: Meter::default(),
            charge: Charge::new(&router.metrics.traffic.memory, 0),
            begun: None,
            patience,
            allowance: Some(STRANGERS_BYTES),
            fault: None,
            socket,
            own,
            batch: Batch::of_session(&router.turns),
            written: Vec::new(),
            router,
            limit,
            silence: None,
            buffer: vec![0; READ_BUFFER].into(),
            start: 0,
            end: 0,
        }
    }

    /// Gives memory back: the peer has been silent for a while.
    pub(super) fn rest(&mut self) {
        if self.start == self.end && self.buffer.len() > READ_BUFFER {
            self.resize(READ_BUFFER);
        }
        self.own.rest();
    }

    /// Puts an empty buffer of this size in place of the empty one.
    fn resize(&mut self, size: usize) {
        self.buffer = vec![0; size].into();
        (self.start, self.end) = (0, 0);
    }

    /// Gives the socket the time limit of the next `recv`.
    fn set_limit(&mut self, limit: Limit) -> io::Result<()> {
        match limit {
            // A system call only where the limit has changed.
            Limit::Silence(limit) if self.silence == Some(limit) => Ok(()),
            Limit::Silence(limit) => {
                self.socket.socket().set_read_timeout(Some(limit))?;
                self.silence = Some(limit);
                Ok(())
            }
            Limit::Until(end) => {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                self.silence = None;
                // The system counts in microseconds, and takes 0 of them for "no limit".
                self.socket
                    .socket()
                    .set_read_timeout(Some(left.max(Duration::from_micros(1))))
            }
        }
    }

    /// Does what is left to be done.
    pub(super) fn finish_batch(&mut self) {
        self.router.finish(&mut self.batch);
    }

    /// These bytes came before there was a wire.
    pub(super) fn begin_with(&mut self, bytes: &[u8]) {
        self.meter.feed(bytes);
    }

    /// Counts bytes that have come. With those of others there may be too many.
    fn count(&mut self, came: usize) {
        let kept = self.meter.kept().max(came);
        self.own.set_coming(kept);
        self.charge.set_about(kept);
        self.router.make_room(&mut self.batch);
    }

    /// Until when the rest of a message has to come that has begun.
    fn deadline(&mut self) -> Option<Instant> {
        if !self.meter.has_begun() {
            self.begun = None;
            return None;
        }
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let seconds = u64::try_from(self.meter.kept() / SLOWEST).unwrap_or(u64::MAX);
        begun.checked_add(self.patience.saturating_add(Duration::from_secs(seconds)))
    }

    /// One `recv` within the time limits.
    fn receive(&mut self, straight: Option<&mut [u8]>) -> io::Result<usize> {
        // Somebody else has ended the session, whose peer
        // has begun a frame and may take its time over it.
        if matches!(self.limit, Limit::Silence(_)) && self.own.is_ending() {
            self.limit = Limit::Until(Instant::now() + CLOSE_PATIENCE);
        }
        let deadline = self.deadline();
        let limit = match (deadline, self.limit) {
            (Some(deadline), Limit::Silence(silence)) => {
                Limit::Until(deadline.min(Instant::now() + silence))
            }
            (Some(deadline), Limit::Until(end)) => Limit::Until(deadline.min(end)),
            (None, limit) => limit,
        };
        let mut straight = straight;
        let outcome = loop {
            let ready = self.set_limit(limit);
            let socket = &self.socket;
            let place = match &mut straight {
                Some(place) => &mut **place,
                None => &mut self.buffer[..],
            };
            match ready.and_then(|()| read_some(socket, place)) {
                Ok(None) => {}
                Ok(Some(count)) => break Ok(count),
                Err(error) => break Err(error),
            }
        };
        if outcome.is_err() && deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            self.fault = Some("a message was begun, and the rest of it did not come in time");
        }
        outcome
    }
}

/// One `recv`, begun again when it was only interrupted: with a time limit (`SO_RCVTIMEO`) Linux
/// ends it with `EINTR` also when the process was stopped and continues (signal(7)).
fn read_some(socket: &Stream, place: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match socket.read_once(place) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end {
            self.finish_batch();
            // The last read filled the buffer: more comes at a time than it holds.
            if self.end == self.buffer.len() && self.end < LARGEST_READ {
                self.resize(LARGEST_READ);
            }
            // What came before has been handled.
            self.count(0);
            self.batch.end_turn();
            // A large message goes straight to where tungstenite wants it.
            let straight = buffer.len() >= self.buffer.len();
            let count = self.receive(straight.then_some(&mut *buffer))?;
            let bytes = u64::try_from(count).unwrap_or(u64::MAX);
            let metrics = &self.router.metrics;
            metrics.bytes_in.fetch_add(bytes, Ordering::Relaxed);
            if let Some(allowance) = &mut self.allowance {
                *allowance = allowance.saturating_sub(count);
                if *allowance == 0 {
                    self.fault = Some("too many bytes came before the session had begun");
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
            let came = self.meter.kept() + count;
            let place = if straight { &*buffer } else { &*self.buffer };
            self.meter.feed(&place[..count]);
            self.count(came);
            if straight {
                return Ok(count);
            }
            (self.start, self.end) = (0, count);
        }
        let count = buffer.len().min(self.end - self.start);
        buffer[..count].copy_from_slice(&self.buffer[self.start..self.start + count]);
        self.start += count;
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.written.is_empty() {
            let frames = std::mem::take(&mut self.written);
            if !self.own.push_frames(&frames) {
                // A peer that sends pings and does not read the pongs.
                return Err(io::Error::other("too many bytes wait for the peer"));
            }
            self.own.flush();
        }
        Ok(())
    }
}
