//! What is on its way to one peer: written at once
//! when nothing waits, in batches when something does.
//!
//! Anyone who has something for a peer puts it into the [`Queue`] of the peer's [`Outbox`]
//! (a short lock, no system call) and calls [`Outbox::flush`] afterwards. The first to
//! come writes what is there; others find the writer busy and leave, since the writer
//! looks again before it goes. So one message on an idle connection is written by the
//! thread that made it, and a hundred messages of a busy one share a system call. A peer
//! that does not read never blocks them: what the system does not take (`MSG_DONTWAIT`) is
//! left to a thread of the outbox's own, which lives until the peer has caught up.
//!
//! One file, since its invariants are held by all of its functions together.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use labnet::lock;

use crate::memory::{Charge, Cost, Memory};
use crate::stream::{Stream, Wait, is_time};

/// The most that each of the two buffers keeps when all has been written, until [`Outbox::rest`].
const KEPT: usize = 16 * 1024;

/// Where so many bytes wait, what comes next begins its own buffer: one that grew with the queue
/// would be copied each time, while others wait for the lock.
const CHUNK: usize = 64 * 1024;

/// From here on a buffer of that size counts as full:
/// what is put in at once is smaller than the rest.
const FULL: usize = CHUNK - 8 * 1024;

/// How long a peer may take nothing of what waits for it. It cannot be told why it is cut: a
/// message that has begun to leave is before anything else.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a peer that has been put out may take to read why.
const GRACE: Duration = Duration::from_secs(1);

/// The time limit of a single system call of the
/// thread that writes for a slow peer (`SO_SNDTIMEO`).
const WRITE_STEP: Duration = Duration::from_millis(250);

/// The stack of that thread.
const STACK_SIZE: usize = 256 * 1024;

/// Counters of all connections.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) bytes_out: AtomicU64,
    pub(crate) messages_out: AtomicU64,
    /// Peers that read too slowly: too much waited for them, or they took nothing for [`PATIENCE`].
    pub(crate) evicted: AtomicU64,
    /// What all of them may hold together.
    pub(crate) memory: Arc<Memory>,
}

/// The way out to one peer.
pub(crate) struct Outbox {
    socket: Arc<Stream>,
    queue: Mutex<Queue>,
    writer: Mutex<Writer>,
    /// All has been written, or nothing more will be.
    settled: Condvar,
    traffic: Arc<Traffic>,
    /// End the direction (`shutdown(SHUT_WR)`) once the last frame has been written.
    half_closes: bool,
    patience: Duration,
    life: Life,
}

/// When a byte last came from the peer, or left for one that had not taken all before: that it
/// takes some is as good a sign of life as that it sends some. What the system takes at once says
/// nothing: its buffers are filled whether or not anybody is there.
struct Life {
    born: Instant,
    last_nanos: AtomicU64,
}

impl Life {
    fn touch(&self) {
        let nanos = u64::try_from(self.born.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.last_nanos.store(nanos, Ordering::Relaxed);
    }
}

/// What waits to be written.
#[derive(Default)]
pub(crate) struct Queue {
    /// Whole frames.
    frames: Vec<u8>,
    /// The answer to the peer's latest ping, which leaves before all else. It is the only one: "a
    /// pong in response to only the most recently processed ping" (RFC 6455, section 5.5.3), or a
    /// flood of pings would fill the memory.
    pong: Vec<u8>,
    /// What comes before them, when something among it is not a frame yet.
    parts: VecDeque<Part>,
    /// What waits here.
    waiting: Cost,
    /// What the writer has taken and not written yet.
    in_flight: Cost,
    charge: Charge,
    /// Messages among what waits.
    messages: u64,
    state: State,
    /// Who flushes next: see [`Queue::owes_flush`].
    flusher: u64,
    /// Somebody waits for `settled`: without this each flush would be a system call more.
    watched: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// Too much waited. Only the reason and the end may still come.
    PutOut,
    /// The last frame has been put in.
    Ending,
    /// The connection is broken: nobody will read.
    Broken,
}

enum Part {
    Frames(Vec<u8>),
    Later(Cost, Later),
}

/// Makes frames of a message when its turn has come, outside of all locks but the writer's. What it
/// gives back follows what it appends, and is written from where it is: many peers may share it.
pub(crate) type Later = Box<dyn FnOnce(&mut Vec<u8>) -> Bytes + Send>;

#[derive(Default)]
struct Writer {
    buffer: Vec<u8>,
    /// What follows the buffer.
    tail: Bytes,
    /// How much of both has been written.
    written: usize,
    /// Bytes that have ever been written: it grows as long as the peer reads.
    total: u64,
    /// A separate thread writes: the peer did not take all.
    behind: bool,
}

impl Writer {
    /// What has not been written of what was taken.
    fn rest(&self) -> &[u8] {
        match self.buffer.get(self.written..) {
            Some(rest) if !rest.is_empty() => rest,
            _ => &self.tail[self.written - self.buffer.len()..],
        }
    }

    fn len(&self) -> usize {
        self.buffer.len() + self.tail.len()
    }

    /// Lets go of what nobody will read any more.
    fn clear(&mut self) {
        self.buffer = Vec::new();
        self.tail = Bytes::new();
        self.written = 0;
    }
}

enum Progress {
    AllWritten,
    Behind,
    Broken,
}

impl Queue {
    /// Bytes that wait here or are being written.
    pub(crate) fn bytes(&self) -> usize {
        self.waiting.all.saturating_add(self.in_flight.all)
    }

    /// Bytes that are being written.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.all
    }

    /// Whether nothing may follow.
    pub(crate) fn is_ending(&self) -> bool {
        matches!(self.state, State::Ending | State::Broken)
    }

    /// Whether all may still come.
    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.parts.is_empty() && self.pong.is_empty()
    }

    /// Puts a pong in. One that waits gives way to it.
    pub(crate) fn pong(&mut self, frame: &[u8]) {
        self.waiting -= Cost::own(self.pong.len());
        self.pong.clear();
        self.pong.extend_from_slice(frame);
        self.count(Cost::own(frame.len()));
    }

    /// Puts a message in: `encode` appends its frame.
    pub(crate) fn message<E>(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.begin_chunk(FULL);
        let before = self.frames.len();
        encode(&mut self.frames)?;
        self.count(Cost::own(self.frames.len() - before));
        self.messages += 1;
        Ok(())
    }

    /// What comes next gets its own buffer, if the last one holds at least so many bytes.
    fn begin_chunk(&mut self, least: usize) {
        if self.frames.len() >= least {
            // A full one is followed by many more as a rule,
            // and none should be larger than what it holds.
            let next = Vec::with_capacity(if least == FULL { CHUNK } else { 0 });
            let mut frames = std::mem::replace(&mut self.frames, next);
            frames.shrink_to_fit();
            self.parts.push_back(Part::Frames(frames));
        }
    }

    /// Puts a message in that is made a frame when its turn
    /// has come; until then it counts as so many bytes.
    pub(crate) fn message_later(&mut self, cost: Cost, later: Later) {
        self.begin_chunk(1);
        self.parts.push_back(Part::Later(cost, later));
        self.count(cost);
        self.messages += 1;
    }

    fn count(&mut self, cost: Cost) {
        self.waiting += cost;
        self.account();
    }

    /// The writer has taken this from what waits.
    fn begin_writing(&mut self, cost: Cost) {
        self.waiting -= cost;
        self.in_flight = cost;
        self.account();
    }

    fn account(&mut self) {
        self.charge.set_about(self.waiting.own + self.in_flight.own);
    }

    /// Puts whole frames in that are not messages of the application.
    pub(crate) fn control(&mut self, frames: &[u8]) {
        self.begin_chunk(FULL);
        self.frames.extend_from_slice(frames);
        self.count(Cost::own(frames.len()));
    }

    /// Puts the last frame in.
    pub(crate) fn end(&mut self, close: &[u8]) {
        if !self.is_ending() {
            self.control(close);
            self.state = State::Ending;
        }
    }

    /// Throws away what waits: only a reason and the end may still come.
    pub(crate) fn evict(&mut self) {
        self.state = State::PutOut;
        self.clear();
    }

    fn clear(&mut self) {
        self.frames = Vec::new();
        self.pong = Vec::new();
        self.parts = VecDeque::new();
        self.waiting = Cost::default();
        self.messages = 0;
        self.account();
    }

    /// Whether the one with this number, which flushes all that it has put something into when it
    /// has nothing else to do, has to remember this outbox. It has already, when the same number
    /// was here last and nothing has been taken since.
    pub(crate) fn owes_flush(&mut self, number: u64) -> bool {
        std::mem::replace(&mut self.flusher, number) != number
    }
}

impl Outbox {
    /// For a connected socket.
    pub(crate) fn new(
        socket: Arc<Stream>,
        traffic: Arc<Traffic>,
        half_closes: bool,
    ) -> io::Result<Self> {
        socket.socket().set_write_timeout(Some(WRITE_STEP))?;
        let queue = Queue {
            charge: Charge::new(&traffic.memory, 0),
            ..Queue::default()
        };
        Ok(Outbox {
            socket,
            queue: Mutex::new(queue),
            writer: Mutex::default(),
            settled: Condvar::new(),
            traffic,
            half_closes,
            patience: PATIENCE,
            life: Life {
                born: Instant::now(),
                last_nanos: AtomicU64::new(0),
            },
        })
    }

    /// A byte has come from the peer.
    pub(crate) fn touch(&self) {
        self.life.touch();
    }

    /// When the peer last showed that it is there.
    pub(crate) fn last_sign_of_life(&self) -> Instant {
        self.life.born + Duration::from_nanos(self.life.last_nanos.load(Ordering::Relaxed))
    }

    /// What waits, to put something in. To be followed by [`Outbox::flush`], once it is let go.
    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    /// Waits until everything has been written, or never
    /// will be; `false` when the deadline came first.
    pub(crate) fn settle(&self, deadline: Instant) -> bool {
        let mut queue = self.queue();
        while queue.state != State::Broken && queue.bytes() > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            queue.watched = true;
            queue = self
                .settled
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    /// Gives back the memory of the buffers: the connection has had nothing to do for a while.
    pub(crate) fn rest(&self) {
        if let Some(mut writer) = self.writer_if_free() {
            writer.buffer.shrink_to_fit();
            self.queue().frames.shrink_to_fit();
        }
    }

    /// Closes the socket in both directions: anyone who waits on it is woken.
    pub(crate) fn cut(&self) {
        let mut queue = self.queue();
        queue.state = State::Broken;
        queue.clear();
        self.settled.notify_all();
        drop(queue);
        self.socket.cut();
    }

    /// Closes the socket for reading: anyone who waits for what comes is woken.
    pub(crate) fn stop_reading(&self) {
        // It may have been closed by the peer before.
        let _closed_before = self.socket.socket().shutdown(Shutdown::Read);
    }

    /// Writes what waits, as much as the system takes without blocking.
    pub(crate) fn flush(self: &Arc<Self>) {
        while let Some(mut writer) = self.writer_if_free() {
            if writer.behind {
                return;
            }
            match self.drain(&mut writer, Wait::No) {
                Progress::AllWritten => {}
                Progress::Behind => {
                    writer.behind = true;
                    drop(writer);
                    self.catch_up_in_background();
                    return;
                }
                Progress::Broken => {
                    self.abandon(&mut writer);
                    drop(writer);
                    self.cut();
                    return;
                }
            }
            drop(writer);
            // Who came while this thread wrote has left again, and relies on this look.
            if self.queue().is_empty() {
                return;
            }
        }
    }

    fn writer_if_free(&self) -> Option<MutexGuard<'_, Writer>> {
        match self.writer.try_lock() {
            Ok(writer) => Some(writer),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Writes until nothing waits.
    fn drain(&self, writer: &mut Writer, wait: Wait) -> Progress {
        loop {
            let all_taken = writer.written == writer.len();
            match self.socket.write(writer.rest(), wait) {
                Ok(0) if all_taken => {
                    if !self.take(writer) {
                        return Progress::AllWritten;
                    }
                }
                Ok(0) => return Progress::Broken,
                Ok(count) => {
                    let bytes = u64::try_from(count).unwrap_or(u64::MAX);
                    self.traffic.bytes_out.fetch_add(bytes, Ordering::Relaxed);
                    writer.written += count;
                    writer.total += bytes;
                    if writer.behind {
                        self.life.touch();
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_time(&error) => return Progress::Behind,
                Err(_) => return Progress::Broken,
            }
        }
    }

    /// The writer's buffer has been written: takes what
    /// waits in its place. `false` when nothing does.
    fn take(&self, writer: &mut Writer) -> bool {
        writer.buffer.clear();
        writer.tail = Bytes::new();
        writer.written = 0;
        let mut queue = self.queue();
        queue.in_flight = Cost::default();
        queue.flusher = 0;
        if queue.messages > 0 {
            let messages = std::mem::take(&mut queue.messages);
            let counter = &self.traffic.messages_out;
            counter.fetch_add(messages, Ordering::Relaxed);
        }
        if !queue.pong.is_empty() {
            let cost = Cost::own(queue.pong.len());
            writer.buffer.append(&mut queue.pong);
            queue.begin_writing(cost);
            return true;
        }
        loop {
            match queue.parts.pop_front() {
                // The two buffers change places, so that neither is allocated again.
                None => std::mem::swap(&mut queue.frames, &mut writer.buffer),
                Some(Part::Frames(frames)) => writer.buffer = frames,
                Some(Part::Later(cost, encode)) => {
                    queue.begin_writing(cost);
                    drop(queue);
                    writer.tail = encode(&mut writer.buffer);
                    queue = self.queue();
                    queue.in_flight = Cost {
                        all: writer.len(),
                        own: writer.buffer.len(),
                    };
                    queue.account();
                    if writer.buffer.is_empty() {
                        // It had no form in the peer's serialization.
                        continue;
                    }
                    return true;
                }
            }
            queue.begin_writing(Cost::own(writer.buffer.len()));
            if !writer.buffer.is_empty() {
                return true;
            }
            break;
        }
        writer.buffer.shrink_to(KEPT);
        queue.frames.shrink_to(KEPT);
        if std::mem::take(&mut queue.watched) {
            self.settled.notify_all();
        }
        if queue.state == State::Ending && self.half_closes {
            // The peer reads the close frame, answers it and closes.
            self.socket.end_writing();
        }
        false
    }

    /// Lets go of what the writer has taken: the connection is broken.
    fn abandon(&self, writer: &mut Writer) {
        writer.clear();
        let mut queue = self.queue();
        queue.in_flight = Cost::default();
        queue.account();
    }

    /// Starts the thread that writes until the peer has caught up.
    fn catch_up_in_background(self: &Arc<Self>) {
        let outbox = self.clone();
        let thread = thread::Builder::new()
            .name("catch-up".to_string())
            .stack_size(STACK_SIZE)
            .spawn(move || outbox.catch_up());
        if thread.is_err() {
            // The system has no thread left: better one peer lost than all of them stuck.
            self.cut();
        }
    }

    fn catch_up(self: &Arc<Self>) {
        let mut last_progress = Instant::now();
        let mut writer = lock(&self.writer);
        loop {
            let before = writer.total;
            let is_open = self.queue().is_open();
            let patience = if is_open { self.patience } else { GRACE };
            match self.drain(&mut writer, Wait::Yes) {
                Progress::AllWritten => break,
                Progress::Behind if writer.total != before => {
                    last_progress = Instant::now();
                }
                Progress::Behind if last_progress.elapsed() < patience => {}
                outcome => {
                    // Who had been put out or had ended was counted then.
                    if is_open && matches!(outcome, Progress::Behind) {
                        self.traffic.evicted.fetch_add(1, Ordering::Relaxed);
                    }
                    self.cut();
                    break;
                }
            }
        }
        writer.behind = false;
        if self.queue().state == State::Broken {
            self.abandon(&mut writer);
        }
        drop(writer);
        // Who came meanwhile has left again.
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn pair() -> (Arc<Outbox>, Arc<Traffic>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        let traffic = Arc::new(Traffic::default());
        let outbox = Outbox::new(Arc::new(Stream::plain(socket)), traffic.clone(), true).unwrap();
        (Arc::new(outbox), traffic, peer)
    }

    fn put(outbox: &Outbox, frame: &[u8]) {
        let appended = outbox.queue().message(|out| {
            out.extend_from_slice(frame);
            Ok::<(), std::convert::Infallible>(())
        });
        let Ok(()) = appended;
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn all_kinds_of_parts_leave_in_the_order_in_which_they_were_put_in() {
        let (outbox, traffic, mut peer) = pair();
        put(&outbox, b"one ");
        let cost = Cost {
            all: 1000,
            own: 400,
        };
        let later: Later = Box::new(|out| {
            out.extend_from_slice(b"tw");
            Bytes::from_static(b"o ")
        });
        outbox.queue().message_later(cost, later);
        // A message without a form leaves nothing, and does not stop what comes after it.
        let nothing: Later = Box::new(|_| Bytes::new());
        outbox.queue().message_later(cost, nothing);
        put(&outbox, b"three ");
        outbox.queue().control(b"ping ");
        assert_eq!(outbox.queue().bytes(), 2000 + 15);
        outbox.queue().end(b"end");
        outbox.queue().end(b"a second end");
        outbox.flush();
        assert!(outbox.settle(soon()));
        let mut got = String::new();
        // The half-close ends it.
        peer.read_to_string(&mut got).unwrap();
        assert_eq!(got, "one two three ping end");
        assert_eq!(outbox.queue().bytes(), 0);
        assert_eq!(traffic.messages_out.load(Ordering::Relaxed), 4);
        assert_eq!(traffic.bytes_out.load(Ordering::Relaxed), 22);
    }

    #[test]
    fn of_many_pongs_that_wait_the_latest_leaves_and_none_is_kept() {
        let (outbox, _, mut peer) = pair();
        put(&outbox, b"message ");
        for number in 0..100_000 {
            outbox.queue().pong(format!("pong {number} ").as_bytes());
        }
        assert_eq!(outbox.queue().bytes(), "message pong 99999 ".len());
        outbox.queue().end(b"end");
        outbox.flush();
        let mut got = String::new();
        peer.read_to_string(&mut got).unwrap();
        assert_eq!(got, "pong 99999 message end");
        assert_eq!(outbox.queue().bytes(), 0);
    }

    #[test]
    fn a_byte_that_comes_and_one_that_a_slow_peer_takes_are_signs_of_life() {
        let (outbox, _, mut peer) = pair();
        let born = outbox.last_sign_of_life();
        put(&outbox, b"taken by the system at once");
        outbox.flush();
        assert_eq!(outbox.last_sign_of_life(), born);
        outbox.touch();
        let came = outbox.last_sign_of_life();
        assert!(came > born);
        put(&outbox, &vec![0; 32 << 20]);
        outbox.flush();
        let reader = thread::spawn(move || {
            let mut all = vec![0; 32 << 20];
            peer.read_exact(&mut all).unwrap();
        });
        assert!(outbox.settle(soon()));
        reader.join().unwrap();
        assert!(outbox.last_sign_of_life() > came);
    }

    #[test]
    fn a_peer_that_reads_late_gets_all_in_order_and_holds_up_nobody() {
        let (outbox, _, mut peer) = pair();
        // Far more than the sockets' own buffers take.
        let numbers = 0..2_000_000_u64;
        for number in numbers.clone() {
            put(&outbox, &number.to_be_bytes());
            if number % 1000 == 0 {
                outbox.flush();
            }
        }
        outbox.flush();
        assert!(outbox.queue().bytes() > 0, "the peer has read nothing yet");
        assert!(!outbox.settle(Instant::now()));
        let reader = thread::spawn(move || {
            let mut eight = [0; 8];
            for number in numbers {
                peer.read_exact(&mut eight).unwrap();
                assert_eq!(u64::from_be_bytes(eight), number);
            }
        });
        assert!(outbox.settle(soon()));
        reader.join().unwrap();
        assert_eq!(outbox.queue().bytes(), 0);
    }

    #[test]
    fn what_many_threads_put_in_all_leaves() {
        const THREADS: u8 = 8;
        const EACH: usize = 2000;
        let (outbox, _, mut peer) = pair();
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let outbox = outbox.clone();
                thread::spawn(move || {
                    for _ in 0..EACH {
                        put(&outbox, &[thread]);
                        outbox.flush();
                    }
                })
            })
            .collect();
        // Nobody flushes once more for those who found the writer busy.
        let mut all = vec![0; usize::from(THREADS) * EACH];
        peer.set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        peer.read_exact(&mut all).unwrap();
        for writer in writers {
            writer.join().unwrap();
        }
        for thread in 0..THREADS {
            assert_eq!(all.iter().filter(|byte| **byte == thread).count(), EACH);
        }
    }

    #[test]
    fn only_the_first_to_put_something_in_has_to_remember_until_it_is_taken() {
        let (outbox, _, _peer) = pair();
        put(&outbox, b"x");
        assert!(outbox.queue().owes_flush(1));
        assert!(!outbox.queue().owes_flush(1));
        // Another one may come to flush later than the first, or sooner.
        assert!(outbox.queue().owes_flush(2));
        outbox.flush();
        put(&outbox, b"x");
        assert!(
            outbox.queue().owes_flush(2),
            "what was there has been taken"
        );
    }

    #[test]
    fn what_is_evicted_goes_and_a_frame_that_has_begun_to_leave_stays_whole() {
        let (outbox, _, mut peer) = pair();
        let large = vec![b'a'; 32 << 20];
        put(&outbox, &large);
        outbox.flush();
        put(&outbox, b"dropped");
        outbox.queue().evict();
        assert!(!outbox.queue().is_open() && !outbox.queue().is_ending());
        outbox.queue().end(b"why");
        outbox.flush();
        let mut got = Vec::new();
        peer.read_to_end(&mut got).unwrap();
        assert_eq!(got.len(), large.len() + 3);
        assert!(got.ends_with(b"awhy"));
    }

    #[test]
    fn a_peer_that_takes_nothing_for_too_long_is_cut_and_counted() {
        for (evicted, counted) in [(false, 1), (true, 0)] {
            let (mut outbox, traffic, mut peer) = pair();
            Arc::get_mut(&mut outbox).unwrap().patience = Duration::from_millis(400);
            let large = vec![b'a'; 32 << 20];
            put(&outbox, &large);
            outbox.flush();
            if evicted {
                outbox.queue().evict();
            }
            assert!(outbox.settle(soon()));
            assert_eq!(traffic.evicted.load(Ordering::Relaxed), counted);
            let mut got = Vec::new();
            let _reset = peer.read_to_end(&mut got);
            assert!(got.len() < large.len());
        }
    }

    #[test]
    fn a_cut_wakes_those_who_wait_and_nothing_is_kept() {
        let (outbox, _, mut peer) = pair();
        put(&outbox, &vec![0; 32 << 20]);
        outbox.flush();
        let waiting = outbox.clone();
        let waits = thread::spawn(move || waiting.settle(soon()));
        outbox.cut();
        assert!(waits.join().unwrap());
        assert!(outbox.queue().is_ending());
        // What the system had taken is all that comes.
        let mut got = Vec::new();
        let _reset = peer.read_to_end(&mut got);
        assert!(got.len() < 32 << 20);
    }
}
