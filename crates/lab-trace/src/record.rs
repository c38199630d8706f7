//! What goes into the journal: calls with their arguments, results and bytes.
//!
//! One file, since the end of a call reads the arguments that its beginning has.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use lab_journal::{Call, Data, Entry, Event, Journal, Outcome, Output, Side, Stream, Transport};

use crate::calls::{self, Kind, Shape, Spec, Waits};
use crate::entries::{MOST_ENTRIES, since};
use crate::lines::{self, Lines, Origin};
use crate::ptrace::{memory, word};
use crate::sockets::{Sockets, address};
#[cfg(target_arch = "x86_64")]
use crate::stack::Stacks;

/// So many bytes of a call are kept.
const MOST_BYTES: usize = 1024;
/// So many bytes of a run are kept; then only their number.
const MOST_BYTES_OF_A_RUN: usize = 32 << 20;
/// So many places or messages of a call are looked at. The system's own limit.
const MOST_PARTS: u64 = 1024;
/// struct iovec: a place and a length.
const IOVEC: usize = 16;
/// struct msghdr: the other side's address and its length, the places and their number, and more.
const MSGHDR: usize = 56;
/// struct mmsghdr: a msghdr, and how many bytes it has sent or received.
const MMSGHDR: usize = 64;

/// A call that a thread is in.
#[derive(Debug, Clone)]
pub struct Pending {
    process: u32,
    tid: i32,
    spec: &'static Spec,
    arguments: [u64; 6],
    began: u64,
    socket: Option<usize>,
    /// The socket's descriptor.
    descriptor: i32,
    sends: bool,
    words: Vec<String>,
    origin: Option<Origin>,
}

impl Pending {
    /// Whether this is the same call once more, after a signal.
    pub fn is(&self, spec: &Spec, arguments: &[u64; 6]) -> bool {
        self.spec.number == spec.number && self.arguments == *arguments
    }
}

/// Writes the journal.
pub struct Recorder {
    /// What has been recorded.
    pub journal: Journal,
    /// The sockets of the run.
    pub sockets: Sockets,
    /// Where a client would meet a server now.
    pub server_is_at: Vec<(Transport, SocketAddr)>,
    began: SystemTime,
    /// When something was recorded last, for who waits for silence.
    last: Arc<AtomicU64>,
    kept: usize,
    /// Where the calls come from, by their places in the journal.
    origins: BTreeMap<usize, Origin>,
    /// The line that a thread has told last.
    told: HashMap<i32, Origin>,
    #[cfg(target_arch = "x86_64")]
    reader: Stacks,
}

impl Recorder {
    /// An empty journal. `last` is set to the time of each entry.
    pub fn new(began: SystemTime, last: Arc<AtomicU64>) -> Self {
        Recorder {
            journal: Journal::default(),
            sockets: Sockets::default(),
            server_is_at: Vec::new(),
            began,
            last,
            kept: 0,
            origins: BTreeMap::new(),
            told: HashMap::new(),
            #[cfg(target_arch = "x86_64")]
            reader: Stacks::default(),
        }
    }

    /// Microseconds since the run began.
    pub fn now(&self) -> u64 {
        since(self.began)
    }

    /// Adds an entry if there is room.
    pub fn add(&mut self, entry: Entry) {
        self.last.store(self.now(), Ordering::Relaxed);
        if self.journal.entries.len() < MOST_ENTRIES {
            self.journal.entries.push(entry);
        } else {
            self.journal.left_out += 1;
        }
    }

    /// Says something that the journal cannot show, once.
    pub fn note(&mut self, text: &str) {
        if !self.journal.notes.iter().any(|note| note == text) {
            self.journal.notes.push(text.to_string());
        }
    }

    /// A thread is about to make a call. `None` if its result does not matter.
    pub fn begin(
        &mut self,
        process: u32,
        tid: i32,
        spec: &'static Spec,
        arguments: [u64; 6],
    ) -> Option<Pending> {
        let mut pending = Pending {
            process,
            tid,
            spec,
            arguments,
            began: self.now(),
            socket: None,
            descriptor: descriptor(arguments[0]),
            sends: matches!(spec.kind, Kind::Send(_)),
            words: Vec::new(),
            origin: None,
        };
        match spec.kind {
            Kind::Unseen => {
                self.note("a program set up io_uring: calls that it makes that way are not seen");
                return None;
            }
            Kind::Restart => return None,
            // Once more at its end: another thread may use the descriptor until then.
            Kind::Replace => {
                self.sockets.forget_descriptors();
                return Some(pending);
            }
            Kind::Socket => {
                let inet = [libc::AF_INET, libc::AF_INET6].contains(&descriptor(arguments[0]));
                return inet.then_some(pending);
            }
            Kind::Wait(waits) => {
                self.waits_for_a_socket(&mut pending, waits).then_some(())?;
                return Some(pending);
            }
            Kind::Splice => {
                pending.socket = self.sockets.of(process, tid, descriptor(arguments[2]));
                pending.sends = pending.socket.is_some();
                if pending.sends {
                    pending.descriptor = descriptor(arguments[2]);
                }
            }
            _ => {}
        }
        if pending.socket.is_none() {
            pending.socket = self.sockets.of(process, tid, pending.descriptor);
        }
        if spec.kind == Kind::Close {
            self.sockets.forget_descriptors();
        }
        let Some(socket) = pending.socket else {
            if pending.descriptor == -1 && spec.kind == Kind::Send(Shape::Plain) {
                let length = usize::try_from(arguments[2]).unwrap_or(MOST_BYTES);
                let bytes = memory(tid, arguments[1], length.min(MOST_BYTES));
                self.told
                    .extend(lines::told(&bytes).map(|line| (tid, line)));
            }
            self.output(&pending);
            return None;
        };
        pending.words = words(&pending);
        if spec.kind == Kind::Connect
            && let Some(peer) = address(tid, arguments[1], arguments[2])
        {
            self.sockets.set_peer(socket, peer);
        }
        Some(pending)
    }

    /// A write to the run's standard output or standard error is output.
    fn output(&mut self, pending: &Pending) {
        let Some(stream) = stream(pending.tid, pending.descriptor) else {
            return;
        };
        let Kind::Send(shape @ (Shape::Plain | Shape::Vector)) = pending.spec.kind else {
            return;
        };
        let bytes = match shape {
            Shape::Plain => {
                let length = usize::try_from(pending.arguments[2]).unwrap_or(MOST_BYTES);
                memory(pending.tid, pending.arguments[1], length.min(MOST_BYTES))
            }
            _ => gather(
                pending.tid,
                pending.arguments[1],
                pending.arguments[2],
                u64::MAX,
            ),
        };
        self.add(Entry {
            at: pending.began,
            event: Event::Output(Output {
                process: pending.process,
                stream,
                text: String::from_utf8_lossy(&bytes).into_owned(),
            }),
        });
    }

    fn waits_for_a_socket(&mut self, pending: &mut Pending, waits: Waits) -> bool {
        let [first, second, ..] = pending.arguments;
        let descriptors: Vec<i32> = match waits {
            Waits::Epoll => return true,
            Waits::Poll => {
                const POLLFD: usize = 8;
                let count = usize::try_from(second.min(MOST_PARTS)).unwrap_or(0);
                memory(pending.tid, first, count * POLLFD)
                    .chunks_exact(POLLFD)
                    .filter_map(|entry| entry.first_chunk())
                    .map(|bytes| i32::from_ne_bytes(*bytes))
                    .collect()
            }
            Waits::Select => {
                let count = first.min(MOST_PARTS);
                let length = usize::try_from(count.div_ceil(8)).unwrap_or(0);
                let sets = pending.arguments[1..4]
                    .iter()
                    .filter(|place| **place != 0)
                    .map(|place| memory(pending.tid, *place, length))
                    .collect::<Vec<_>>();
                (0..count)
                    .filter(|number| {
                        let byte = usize::try_from(number / 8).unwrap_or(usize::MAX);
                        sets.iter().any(|set| {
                            set.get(byte)
                                .is_some_and(|byte| byte >> (number % 8) & 1 == 1)
                        })
                    })
                    .map(descriptor)
                    .collect()
            }
        };
        let sockets: Vec<(i32, usize)> = descriptors
            .iter()
            .filter_map(|number| {
                let socket = self.sockets.of(pending.process, pending.tid, *number)?;
                Some((*number, socket))
            })
            .collect();
        if let [(number, only)] = sockets[..] {
            // The call's first argument is a place or a number of descriptors.
            pending.descriptor = number;
            pending.socket = Some(only);
        } else {
            pending.words.push(format!("{} sockets", sockets.len()));
        }
        !sockets.is_empty()
    }

    /// A call has ended. A result below 0 is an error.
    pub fn end(&mut self, pending: &Pending, result: i64) {
        let now = self.now();
        let mut pending = pending.clone();
        let mut accepted = None;
        let outcome = if result < 0 {
            Outcome::Error(calls::error_name(-result))
        } else {
            Outcome::Value(result)
        };
        let (process, tid) = (pending.process, pending.tid);
        let new = descriptor(result.cast_unsigned());
        match pending.spec.kind {
            Kind::Socket if result >= 0 => {
                pending.socket = self.sockets.made(process, tid, new);
                if pending.socket.is_none() {
                    return;
                }
            }
            Kind::Accept if result >= 0 => accepted = self.sockets.made(process, tid, new),
            Kind::Close | Kind::Replace => self.sockets.forget_descriptors(),
            _ => {
                if let Some(socket) = pending.socket {
                    self.sockets
                        .learn_addresses(socket, process, pending.descriptor);
                    self.look_for_a_ready_server(&pending, socket, result);
                }
            }
        }
        for data in self.data(&pending, result) {
            let call = Call {
                ended: Some(now),
                outcome: outcome.clone(),
                data,
                accepted,
                ..call(&pending)
            };
            self.add_call(&pending, call);
        }
    }

    fn add_call(&mut self, pending: &Pending, call: Call) {
        if pending.spec.kind == Kind::Replace {
            return;
        }
        let place = self.journal.entries.len();
        if let Some(origin) = &pending.origin
            && place < MOST_ENTRIES
        {
            self.origins.insert(place, origin.clone());
        }
        let (at, event) = (pending.began, Event::Call(call));
        self.add(Entry { at, event });
    }

    /// Looks where the stopped thread is that is about to make a call.
    pub fn locate(&mut self, pending: &mut Pending) {
        if pending.spec.kind == Kind::Replace {
            return;
        }
        pending.origin = self.told.get(&pending.tid).cloned();
        #[cfg(target_arch = "x86_64")]
        if pending.origin.is_none() {
            pending.origin = self.reader.of(pending.process, pending.tid);
        }
    }

    /// The process has become another program.
    #[cfg(target_arch = "x86_64")]
    pub fn has_become_another(&mut self, process: u32) {
        self.reader.forget(process);
    }

    /// Fills in the lines that calls come from.
    pub fn find_lines(&mut self) {
        let mut lines = Lines::default();
        for (place, origin) in std::mem::take(&mut self.origins) {
            if let Event::Call(call) = &mut self.journal.entries[place].event {
                call.source = lines.of(&origin);
                // What a block closes at its end belongs to no step in it.
                if let Some(source) = &mut call.source
                    && call.name == "close"
                    && !["close(", "drop("]
                        .iter()
                        .any(|word| source.text.contains(word))
                {
                    source.step = None;
                }
            }
        }
    }

    /// TCP's server listens; UDP's has an address.
    fn look_for_a_ready_server(&mut self, pending: &Pending, socket: usize, result: i64) {
        let socket = &self.sockets.all[socket].socket;
        let step = match socket.transport {
            Transport::Udp => Kind::Bind,
            Transport::Tcp => Kind::Listen,
        };
        if pending.spec.kind == step
            && result == 0
            && self.journal.side(pending.process) == Some(Side::Server)
            && let Some(local) = socket.local
        {
            self.server_is_at.push((socket.transport, local));
        }
    }

    /// A signal ended the call: it failed with EINTR.
    pub fn interrupted(&mut self, pending: &Pending) {
        let call = Call {
            ended: Some(self.now()),
            outcome: Outcome::Error("EINTR".to_string()),
            ..call(pending)
        };
        self.add_call(pending, call);
    }

    /// The thread ended in its call.
    pub fn unfinished(&mut self, pending: &Pending) {
        self.add_call(pending, call(pending));
    }

    /// The bytes of a call, for each of its messages; one `None` for a call without bytes.
    fn data(&mut self, pending: &Pending, result: i64) -> Vec<Option<Data>> {
        let (Some(socket), Ok(count)) = (pending.socket, u64::try_from(result)) else {
            return vec![None];
        };
        let (tid, arguments) = (pending.tid, pending.arguments);
        let room = MOST_BYTES_OF_A_RUN
            .saturating_sub(self.kept)
            .min(MOST_BYTES) as u64;
        let parts = match pending.spec.kind {
            Kind::Send(shape) | Kind::Receive(shape) => match shape {
                Shape::Plain | Shape::Addressed => {
                    let length = usize::try_from(count.min(room)).unwrap_or(0);
                    let with = match (shape, pending.sends) {
                        (Shape::Plain, _) => None,
                        (_, true) => address(tid, arguments[4], arguments[5]),
                        // The length is where its place says.
                        (_, false) if arguments[5] == 0 => None,
                        (_, false) => address(tid, arguments[4], u64::MAX),
                    };
                    vec![(count, memory(tid, arguments[1], length), with)]
                }
                Shape::Vector => {
                    let bytes = gather(tid, arguments[1], arguments[2], count.min(room));
                    vec![(count, bytes, None)]
                }
                Shape::Message => {
                    let header = memory(tid, arguments[1], MSGHDR);
                    let (bytes, with) = message(tid, &header, count.min(room));
                    vec![(count, bytes, with)]
                }
                Shape::Messages => {
                    let messages = usize::try_from(count.min(MOST_PARTS)).unwrap_or(0);
                    memory(tid, arguments[1], messages * MMSGHDR)
                        .chunks_exact(MMSGHDR)
                        .map(|header| {
                            let length = word(header, MSGHDR) & u64::from(u32::MAX);
                            let (bytes, with) = message(tid, header, length.min(room));
                            (length, bytes, with)
                        })
                        .collect()
                }
                Shape::File => vec![(count, Vec::new(), None)],
            },
            Kind::Splice => vec![(count, Vec::new(), None)],
            _ => return vec![None],
        };
        let peeked = !pending.sends && pending.words.iter().any(|word| word == "MSG_PEEK");
        let (sent, tcp) = (
            pending.sends,
            self.sockets.all[socket].socket.transport == Transport::Tcp,
        );
        let part = |(length, bytes, with): (u64, Vec<u8>, Option<SocketAddr>)| {
            self.kept += bytes.len();
            let tracked = &mut self.sockets.all[socket];
            let counter = if sent {
                &mut tracked.sent
            } else {
                &mut tracked.received
            };
            let offset = if tcp { *counter } else { 0 };
            if !peeked {
                *counter += length;
            }
            Some(Data {
                sent,
                peeked,
                offset,
                length,
                bytes,
                with: with.filter(|_| !tcp),
                from: Vec::new(),
            })
        };
        parts.into_iter().map(part).collect()
    }
}

fn call(pending: &Pending) -> Call {
    Call {
        process: pending.process,
        thread: pending.tid.unsigned_abs(),
        name: pending.spec.name.to_string(),
        socket: pending.socket,
        arguments: pending.words.clone(),
        accepted: None,
        ended: None,
        outcome: Outcome::Unfinished,
        source: None,
        data: None,
    }
}

/// Where a descriptor prints. The programs begin with our own stdout and stderr, so it is a stream
/// only if it is still one of these: a shell may have put `/dev/null` in its place.
fn stream(tid: i32, descriptor: i32) -> Option<Stream> {
    if ![1, 2].contains(&descriptor) {
        return None;
    }
    let target = fs::read_link(format!("/proc/{tid}/fd/{descriptor}")).ok()?;
    let ours = |number: i32| fs::read_link(format!("/proc/self/fd/{number}")).ok();
    let streams = [(1, Stream::Stdout), (2, Stream::Stderr)];
    // On a terminal both are the same: then the number tells. And /dev/null is only one's own.
    let same = streams.iter().find(|(number, _)| *number == descriptor);
    let others = streams.iter().filter(|_| target != Path::new("/dev/null"));
    same.into_iter()
        .chain(others)
        .find(|(number, _)| ours(*number).as_ref() == Some(&target))
        .map(|(_, stream)| *stream)
}

/// A descriptor, or a number as small, as the kernel reads it: the lower half of a register.
fn descriptor(register: u64) -> i32 {
    let [a, b, c, d, ..] = register.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

/// A call's arguments in words.
fn words(pending: &Pending) -> Vec<String> {
    let [_, second, third, fourth, ..] = pending.arguments;
    match pending.spec.kind {
        Kind::Bind | Kind::Connect => address(pending.tid, second, third)
            .map(|address| address.to_string())
            .into_iter()
            .collect(),
        Kind::Listen => vec![descriptor(second).to_string()],
        Kind::Shutdown => vec![calls::shutdown_name(second)],
        Kind::SetOption => vec![calls::option_name(second, third)],
        Kind::Receive(Shape::Plain) => vec![third.to_string()],
        Kind::Receive(Shape::Addressed) => {
            let mut words = vec![third.to_string()];
            words.extend(calls::receive_flags(fourth));
            words
        }
        Kind::Receive(Shape::Message) => calls::receive_flags(third),
        Kind::Receive(Shape::Messages) => calls::receive_flags(fourth),
        _ => Vec::new(),
    }
}

/// So many bytes at most, from a list of places.
fn gather(tid: i32, list: u64, count: u64, most: u64) -> Vec<u8> {
    let count = usize::try_from(count.min(MOST_PARTS)).unwrap_or(0);
    let most = usize::try_from(most).unwrap_or(MOST_BYTES).min(MOST_BYTES);
    let mut bytes = Vec::new();
    for part in memory(tid, list, count * IOVEC).chunks_exact(IOVEC) {
        let length = usize::try_from(word(part, 8)).unwrap_or(MOST_BYTES);
        bytes.extend(memory(tid, word(part, 0), length.min(most - bytes.len())));
    }
    bytes
}

/// The bytes and the other side of a struct msghdr.
fn message(tid: i32, header: &[u8], most: u64) -> (Vec<u8>, Option<SocketAddr>) {
    let length = word(header, 8) & u64::from(u32::MAX);
    let with = address(tid, word(header, 0), length);
    (gather(tid, word(header, 16), word(header, 24), most), with)
}
