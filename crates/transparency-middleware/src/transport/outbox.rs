//! What is on its way to one peer: written at once when nothing waits, in batches when something does.
//!
//! Whoever has something for a peer puts it into the peer's [`Outbox`] (a short lock, no system call) and
//! calls [`Outbox::flush`] afterwards. The first to come encodes and writes what is there; others find the
//! writer busy and leave, since the writer looks again before it goes. So one message on an idle connection
//! is written by the thread that made it, and a hundred messages of a busy one share a system call. A
//! peer that does not read never blocks them: what the system does not take (`MSG_DONTWAIT`) is left to a
//! thread of the peer's own, which lives until the peer has caught up.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::WRITE_PATIENCE;
use crate::messages::{Format, Id, Message};
use crate::realm::Outgoing;

/// How many bytes are encoded before they are written.
const BATCH: usize = 64 * 1024;

/// The most of the buffer that an idle connection keeps.
const KEPT: usize = 2 * 1024;

/// What a message costs in a queue beside its arguments: the message itself, its head on the wire.
const OVERHEAD: usize = 256;

/// How long a peer that has been put out may take to read why.
const GRACE: Duration = Duration::from_secs(1);

/// A WebSocket frame's head in the direction from server to client: at most 10 bytes, and no mask.
const LONGEST_HEAD: usize = 10;

/// Counters of all connections.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) bytes_out: AtomicU64,
    pub(super) messages_out: AtomicU64,
}

/// Hears of messages that could not be put into the peer's serialisation.
pub(super) trait Owner: Send + Sync {
    /// This message was for the session, and this is why it is not sent.
    fn lost(&self, outbox: &Arc<Outbox>, message: &Message, why: &str);
}

/// The way out to one peer.
pub(super) struct Outbox {
    socket: Arc<TcpStream>,
    format: Format,
    limit: usize,
    queue: Mutex<Queue>,
    writer: Mutex<Writer>,
    traffic: Arc<Traffic>,
    owner: OnceLock<Weak<dyn Owner>>,
    session: OnceLock<Id>,
    /// The code of the close frame, where it is not the one that [`Outbox::close`] is given.
    code: OnceLock<u16>,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    /// Bytes that wait here or in the writer's buffer.
    bytes: usize,
    state: State,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// Too much waited. Only the reason and the end may still come.
    PutOut,
    /// The end has been put in: nothing may follow.
    Ending,
    /// The connection is broken: nobody will read.
    Broken,
}

enum Item {
    Message(Outgoing),
    /// Whole frames, ready to be written.
    Frames(Vec<u8>),
    /// The close frame: code, reason.
    Close(u16, &'static str),
}

impl Item {
    fn cost(&self) -> usize {
        match self {
            Item::Message(outgoing) => {
                let payload = outgoing.message().payload();
                let carried = payload.map_or(0, |payload| {
                    payload.raw_args().len() + payload.raw_kwargs().len()
                });
                carried + OVERHEAD
            }
            Item::Frames(bytes) => bytes.len(),
            Item::Close(..) => 0,
        }
    }
}

#[derive(Default)]
struct Writer {
    /// What was taken out of the queue and is not encoded yet.
    items: VecDeque<Item>,
    buffer: Vec<u8>,
    /// The part of the buffer that has been written.
    written: usize,
    /// What the messages in the buffer counted in the queue.
    cost: usize,
    /// A thread of its own writes: the peer did not take all.
    behind: bool,
    ended: bool,
}

/// What became of something that was put into the queue.
pub(super) enum Pushed {
    /// It waits to be written.
    Queued,
    /// The peer has ended or is about to: nobody will read it.
    Dropped,
    /// It is an invocation, and the queue is so full that it is better answered by an error.
    Refused(Message),
    /// The queue is full: the session has to be put out.
    Full,
}

enum Progress {
    AllWritten,
    Behind,
    Broken,
}

impl Outbox {
    /// For a connected socket; at most `limit` bytes may wait.
    pub(super) fn new(
        socket: Arc<TcpStream>,
        format: Format,
        limit: usize,
        traffic: Arc<Traffic>,
    ) -> Arc<Self> {
        Arc::new(Outbox {
            socket,
            format,
            limit,
            queue: Mutex::default(),
            writer: Mutex::default(),
            traffic,
            owner: OnceLock::new(),
            session: OnceLock::new(),
            code: OnceLock::new(),
        })
    }

    /// Tells which session this is, and who is to hear of messages that cannot be sent.
    pub(super) fn belongs_to(&self, session: Id, owner: Weak<dyn Owner>) {
        // Each is set once: a connection has one session.
        let _set_before = self.session.set(session);
        let _set_before = self.owner.set(owner);
    }

    pub(super) fn session(&self) -> Option<Id> {
        self.session.get().copied()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message into the queue.
    pub(super) fn push(&self, outgoing: Outgoing) -> Pushed {
        let item = Item::Message(outgoing);
        let cost = item.cost();
        let mut queue = self.queue();
        match queue.state {
            State::Open | State::PutOut => {}
            State::Ending | State::Broken => return Pushed::Dropped,
        }
        let bytes = queue.bytes.saturating_add(cost);
        if bytes > self.limit / 4 * 3
            && queue.bytes > 0
            && let Item::Message(Outgoing::One(message @ Message::Invocation { .. })) = item
        {
            return Pushed::Refused(message);
        }
        // A single message may be as large as the limit: what is alone never waits behind others.
        if bytes > self.limit && queue.bytes > 0 && queue.state == State::Open {
            queue.items.clear();
            queue.bytes = 0;
            queue.state = State::PutOut;
            return Pushed::Full;
        }
        queue.bytes = bytes;
        queue.items.push_back(item);
        Pushed::Queued
    }

    /// Puts whole frames into the queue; `false` when there is no room.
    pub(super) fn push_frames(&self, frames: Vec<u8>) -> bool {
        let mut queue = self.queue();
        if queue.state != State::Open {
            return true;
        }
        let bytes = queue.bytes.saturating_add(frames.len());
        if bytes > self.limit && queue.bytes > 0 {
            return false;
        }
        queue.bytes = bytes;
        queue.items.push_back(Item::Frames(frames));
        true
    }

    /// Says which code the close frame will have, whoever ends the connection.
    pub(super) fn closes_with(&self, code: u16) {
        // The first reason counts.
        let _set_before = self.code.set(code);
    }

    /// Ends the connection once all before has been written: a close frame with this code and reason.
    pub(super) fn close(&self, code: u16, reason: &'static str) {
        let mut queue = self.queue();
        if matches!(queue.state, State::Open | State::PutOut) {
            queue.state = State::Ending;
            let code = self.code.get().copied().unwrap_or(code);
            queue.items.push_back(Item::Close(code, reason));
        }
    }

    /// Whether the end has been put in, or the connection is broken.
    pub(super) fn is_ending(&self) -> bool {
        matches!(self.queue().state, State::Ending | State::Broken)
    }

    /// Whether everything has been written, the end as well.
    pub(super) fn is_done(&self) -> bool {
        match self.writer.try_lock() {
            Ok(writer) => {
                let written = writer.written == writer.buffer.len();
                (writer.ended && written) || self.queue().state == State::Broken
            }
            Err(_) => false,
        }
    }

    /// Waits for the peer's own thread, if there is one: until all has been written, or the peer's time is
    /// over.
    pub(super) fn settle(&self) {
        loop {
            let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            if !writer.behind {
                return;
            }
            // The thread has been started and has not got the lock yet.
            drop(writer);
            thread::yield_now();
        }
    }

    /// Closes the socket in both directions: whoever waits on it is woken.
    pub(super) fn cut(&self) {
        let mut queue = self.queue();
        queue.state = State::Broken;
        queue.items.clear();
        queue.bytes = 0;
        // It may have been closed by the peer before.
        let _closed_before = self.socket.shutdown(Shutdown::Both);
    }

    /// Writes what waits, as much as the system takes without blocking.
    pub(super) fn flush(self: &Arc<Self>) {
        let mut lost = Vec::new();
        while let Some(mut writer) = self.writer_if_free() {
            if writer.behind {
                break;
            }
            match self.drain(&mut writer, send_now, &mut lost) {
                Progress::AllWritten => {}
                Progress::Behind => {
                    writer.behind = true;
                    drop(writer);
                    self.catch_up_in_background();
                    break;
                }
                Progress::Broken => {
                    drop(writer);
                    self.cut();
                    break;
                }
            }
            drop(writer);
            // Who came while this thread wrote has left again, and relies on this look.
            if self.queue().items.is_empty() {
                break;
            }
        }
        self.report(lost);
    }

    fn writer_if_free(&self) -> Option<MutexGuard<'_, Writer>> {
        match self.writer.try_lock() {
            Ok(writer) => Some(writer),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn report(self: &Arc<Self>, lost: Vec<(Message, String)>) {
        if let Some(owner) = self.owner.get().and_then(Weak::upgrade) {
            for (message, why) in lost {
                owner.lost(self, &message, &why);
            }
        }
    }

    /// Writes until nothing waits. `send` writes some bytes, or says `WouldBlock`.
    fn drain(
        &self,
        writer: &mut Writer,
        send: fn(&TcpStream, &[u8]) -> io::Result<usize>,
        lost: &mut Vec<(Message, String)>,
    ) -> Progress {
        loop {
            if writer.written == writer.buffer.len() {
                self.fill(writer, lost);
                if writer.buffer.is_empty() {
                    return Progress::AllWritten;
                }
            }
            match send(&self.socket, &writer.buffer[writer.written..]) {
                Ok(0) => return Progress::Broken,
                Ok(count) => {
                    let bytes = u64::try_from(count).unwrap_or(u64::MAX);
                    self.traffic.bytes_out.fetch_add(bytes, Ordering::Relaxed);
                    writer.written += count;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return Progress::Behind;
                }
                Err(_) => return Progress::Broken,
            }
            if writer.written < writer.buffer.len() {
                continue;
            }
            self.written(writer);
            if writer.ended {
                // The peer reads the close frame, answers it and closes.
                let _closed_before = self.socket.shutdown(Shutdown::Write);
                return Progress::AllWritten;
            }
        }
    }

    /// Encodes what waits, up to a batch.
    fn fill(&self, writer: &mut Writer, lost: &mut Vec<(Message, String)>) {
        writer.buffer.clear();
        writer.written = 0;
        if writer.items.is_empty() {
            let mut queue = self.queue();
            std::mem::swap(&mut queue.items, &mut writer.items);
        }
        let mut messages = 0;
        while writer.buffer.len() < BATCH && !writer.ended {
            let Some(item) = writer.items.pop_front() else {
                break;
            };
            writer.cost += item.cost();
            match item {
                Item::Message(outgoing) => {
                    messages += 1;
                    if let Err(why) = self.encode(&outgoing, &mut writer.buffer) {
                        lost.push((outgoing.message().clone(), why));
                    }
                }
                Item::Frames(frames) => writer.buffer.extend_from_slice(&frames),
                Item::Close(code, reason) => {
                    close_frame(code, reason, &mut writer.buffer);
                    writer.ended = true;
                }
            }
        }
        if messages > 0 {
            self.traffic
                .messages_out
                .fetch_add(messages, Ordering::Relaxed);
        }
    }

    /// The buffer has been written: what was in it waits no more, and an idle connection keeps little memory.
    fn written(&self, writer: &mut Writer) {
        let mut queue = self.queue();
        queue.bytes = queue.bytes.saturating_sub(writer.cost);
        writer.cost = 0;
        if writer.items.is_empty() && queue.items.is_empty() {
            writer.buffer.clear();
            writer.written = 0;
            writer.buffer.shrink_to(KEPT);
            queue.items.shrink_to(4);
            writer.items.shrink_to(4);
        }
    }

    fn encode(&self, outgoing: &Outgoing, out: &mut Vec<u8>) -> Result<(), String> {
        match outgoing {
            Outgoing::One(message) => encode_frame(message, self.format, out),
            Outgoing::Shared(shared) => {
                let place = Format::ALL.iter().position(|format| *format == self.format);
                let place = &shared.encoded[place.unwrap_or(0)];
                let frame = place.get_or_init(|| {
                    let mut frame = Vec::new();
                    // An event that has no form in this serialisation stays empty: nobody waits for it.
                    let _none = encode_frame(&shared.message, self.format, &mut frame);
                    frame
                });
                out.extend_from_slice(frame);
                Ok(())
            }
        }
    }

    /// Starts the thread that writes until the peer has caught up.
    fn catch_up_in_background(self: &Arc<Self>) {
        let outbox = self.clone();
        let thread = thread::Builder::new()
            .name("catch-up".to_string())
            .stack_size(super::STACK_SIZE)
            .spawn(move || outbox.catch_up());
        if thread.is_err() {
            // The system has no thread left: better one peer lost than all of them stuck.
            self.cut();
        }
    }

    fn catch_up(self: &Arc<Self>) {
        let mut lost = Vec::new();
        let mut last_progress = Instant::now();
        {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                let before = (writer.written, writer.buffer.len());
                let patience = match self.queue().state {
                    State::PutOut | State::Ending => GRACE,
                    _ => WRITE_PATIENCE,
                };
                match self.drain(&mut writer, send_blocking, &mut lost) {
                    Progress::AllWritten => break,
                    Progress::Behind if (writer.written, writer.buffer.len()) != before => {
                        last_progress = Instant::now();
                    }
                    Progress::Behind if last_progress.elapsed() < patience => {}
                    Progress::Behind | Progress::Broken => {
                        self.cut();
                        break;
                    }
                }
            }
            writer.behind = false;
        }
        self.report(lost);
        // Who came meanwhile has left again.
        self.flush();
    }
}

/// Appends a message as one frame.
fn encode_frame(message: &Message, format: Format, out: &mut Vec<u8>) -> Result<(), String> {
    // The head tells the length of what comes after it: room for the longest, and closed up afterwards.
    let start = out.len();
    out.resize(start + LONGEST_HEAD, 0);
    if let Err(error) = message.encode(format, out) {
        out.truncate(start);
        return Err(error.to_string());
    }
    let length = out.len() - start - LONGEST_HEAD;
    let opcode = if format.is_text() {
        Data::Text
    } else {
        Data::Binary
    };
    let (head, size) = head(OpCode::Data(opcode), length);
    let begin = start + LONGEST_HEAD - size;
    out[begin..start + LONGEST_HEAD].copy_from_slice(&head[..size]);
    out.drain(start..begin);
    Ok(())
}

/// A frame's head, and how many bytes of it there are.
fn head(opcode: OpCode, length: usize) -> ([u8; LONGEST_HEAD], usize) {
    let mut bytes = [0; LONGEST_HEAD];
    let header = FrameHeader {
        opcode,
        ..FrameHeader::default()
    };
    let mut rest = &mut bytes[..];
    let length = u64::try_from(length).expect("a length in memory fits into 64 bits");
    header
        .format(length, &mut rest)
        .expect("10 bytes hold every head without a mask");
    let size = LONGEST_HEAD - rest.len();
    (bytes, size)
}

/// Appends a frame with this content.
pub(super) fn data_frame(text: bool, content: &[u8], out: &mut Vec<u8>) {
    let opcode = if text { Data::Text } else { Data::Binary };
    let (head, size) = head(OpCode::Data(opcode), content.len());
    out.extend_from_slice(&head[..size]);
    out.extend_from_slice(content);
}

/// An empty ping.
pub(super) fn ping_frame() -> Vec<u8> {
    let (head, size) = head(OpCode::Control(Control::Ping), 0);
    head[..size].to_vec()
}

fn close_frame(code: u16, reason: &str, out: &mut Vec<u8>) {
    let (head, size) = head(OpCode::Control(Control::Close), 2 + reason.len());
    out.extend_from_slice(&head[..size]);
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(reason.as_bytes());
}

/// One `send` that takes what fits at once.
#[cfg(unix)]
fn send_now(socket: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    use rustix::net::{SendFlags, send};
    Ok(send(socket, bytes, SendFlags::DONTWAIT)?)
}

/// Without such a flag every write is left to the peer's own thread.
#[cfg(not(unix))]
fn send_now(_socket: &TcpStream, _bytes: &[u8]) -> io::Result<usize> {
    Err(ErrorKind::WouldBlock.into())
}

/// One `send` that waits for room, up to the socket's time limit (`SO_SNDTIMEO`).
fn send_blocking(mut socket: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    socket.write(bytes)
}
