//! The TCP peer: the same bytes in any pieces, with the certainty that they stay apart.
//!
//! One file, since all of it is one connection: what is sent, what is received, how it ends.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use lab_journal::Transport;
use socket2::{Domain, SockRef, Socket, Type};

use crate::limit::{LOOPS, Limit, Step};
use crate::procfs;
use crate::verdict::{Ends, Excerpt, Log, Passed, What};

/// How long a connection waits for anything before it looks at its deadline again.
const TICK: Duration = Duration::from_millis(20);
/// So much of what comes where nothing should is shown, in bytes.
const FEW: usize = 64;
/// More than this is never kept of what the program
/// under test sends, in bytes, beyond what was expected.
const SURPLUS: usize = 64 * 1024;

/// A connection with the program under test. All that passes is written into the case's log.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// `client 1`, or `the server` when a client is under test.
    pub who: String,
    /// Where what passes is written.
    pub log: Log,
    limit: Limit,
    /// How many bytes the system has taken from us.
    sent: u64,
    /// What came after the last thing that was asked for.
    ahead: Vec<u8>,
}

/// What was received, and why no more of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Why the listening ended.
    pub end: ReadEnd,
}

/// Why listening ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadEnd {
    /// All that was waited for has come.
    Complete,
    /// What came is something else.
    Differs,
    /// The other side closed its direction.
    Closed,
    /// The other side broke the connection off.
    Reset,
    /// Nothing more came in time.
    Silence,
}

impl ReadEnd {
    /// As the second half of a sentence that begins with what came.
    ///
    /// `in_vain` is how a wait ended ([`Limit::in_vain`]).
    pub fn words(self, in_vain: &str) -> String {
        match self {
            ReadEnd::Complete => "and that was all".to_string(),
            ReadEnd::Differs => "which is something else".to_string(),
            ReadEnd::Closed => "then the program closed the connection".to_string(),
            ReadEnd::Reset => "then the program broke the connection off (RST)".to_string(),
            ReadEnd::Silence => {
                format!("then nothing more {in_vain}")
            }
        }
    }
}

/// What became of bytes that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendOutcome {
    /// The system has taken them.
    Yes,
    /// The other side closed or broke the connection before.
    Gone,
    /// The other side did not read in time.
    No,
}

impl Connection {
    /// A connection on a stream, with a name for the log.
    ///
    /// # Errors
    ///
    /// When the system refuses the socket's options.
    pub fn new(stream: TcpStream, who: &str, log: &Log, limit: Limit) -> io::Result<Self> {
        // Each write goes out at once, as its own segment.
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TICK))?;
        stream.set_write_timeout(Some(TICK))?;
        // Of a connection that is gone already, nobody can say whose bytes pass.
        let ends = stream.local_addr().ok().zip(stream.peer_addr().ok());
        let log = match ends {
            Some((local, peer)) => log.on(Ends {
                transport: Transport::Tcp,
                local,
                peer: Some(peer),
            }),
            None => log.clone(),
        };
        Ok(Connection {
            stream,
            who: who.to_string(),
            log,
            limit,
            sent: 0,
            ahead: Vec::new(),
        })
    }

    /// Sends bytes with one write (more, when the system takes only a part at a time).
    pub fn send(&mut self, bytes: &[u8]) -> SendOutcome {
        self.log
            .add(&self.who, What::Sent(vec![Excerpt::of(bytes)]));
        self.write(bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> SendOutcome {
        let (at, before) = (SystemTime::now(), self.sent);
        let outcome = self.write_all(bytes);
        self.has_sent(at, before);
        outcome
    }

    /// Notes which bytes went since a moment.
    fn has_sent(&self, at: SystemTime, before: u64) {
        let length = self.sent - before;
        if length > 0 {
            self.log.passed(Passed {
                at,
                sent: true,
                offset: before,
                length,
                with: None,
            });
        }
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> SendOutcome {
        let mut step = self.limit.step();
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(count) => {
                    self.sent += u64::try_from(count).unwrap_or(u64::MAX);
                    bytes = &bytes[count..];
                    step.renew();
                }
                Err(error) if again(&error) && !step.is_over() => {}
                Err(error) if again(&error) => return SendOutcome::No,
                Err(_) => return SendOutcome::Gone,
            }
        }
        SendOutcome::Yes
    }

    /// Sends pieces that stay apart: the next one goes only when the program has taken the last out
    /// of its receive queue, so that no recv can give it two.
    ///
    /// A program that leaves a piece in the queue gets the next
    /// one all the same once the time of a step has passed.
    pub fn send_apart(&mut self, pieces: &[&[u8]]) -> SendOutcome {
        self.log.add(
            &self.who,
            What::Sent(pieces.iter().map(|piece| Excerpt::of(piece)).collect()),
        );
        for piece in pieces {
            match self.write(piece) {
                SendOutcome::Yes => {}
                other => return other,
            }
            self.until_taken();
        }
        SendOutcome::Yes
    }

    /// Waits until the program has read all that was sent;
    /// false when it did not within the time of a step.
    pub fn until_taken(&self) -> bool {
        let (Ok(us), Ok(them)) = (self.stream.local_addr(), self.stream.peer_addr()) else {
            return false; // The connection is gone, and its queue with it.
        };
        if !procfs::tells_queues() {
            // No way to ask: a pause, which keeps them apart nearly always. The report says so.
            thread::sleep(Duration::from_millis(30));
            return true;
        }
        let mut step = self.limit.step();
        let mut pause = Duration::from_micros(50);
        // First whether all has arrived: an empty queue
        // may be one that the bytes have not reached yet.
        while procfs::has_received(them, us, self.sent) == Some(false)
            || procfs::unread(them, us).is_some_and(|count| count > 0)
        {
            if step.is_over() {
                return false;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(4));
        }
        true
    }

    /// Sends a pattern again and again and reads nothing, until the program takes no more (or so
    /// many bytes have gone); tells how many bytes went.
    ///
    /// The program takes no more when it waits, and nothing could be written for a while.
    pub fn send_until_stuck(&mut self, pattern: &[u8], most: usize) -> usize {
        const STUCK: Duration = Duration::from_millis(60);
        let (at, before) = (SystemTime::now(), self.sent);
        let (mut sent, mut last) = (0, Instant::now());
        let until = self.limit.end;
        while sent < most {
            let from = sent % pattern.len();
            let piece = &pattern[from..(from + most - sent).min(pattern.len())];
            match self.stream.write(piece) {
                Ok(count) => {
                    self.sent += u64::try_from(count).unwrap_or(u64::MAX);
                    sent += count;
                    last = Instant::now();
                }
                Err(error) if again(&error) => {
                    let now = Instant::now();
                    if now >= until {
                        self.limit.cut.note();
                        break;
                    }
                    if now - last >= STUCK && !procfs::is_busy(self.limit.group) {
                        break;
                    }
                }
                Err(_) => break,
            }
        }
        self.log
            .did(&self.who, format!("sent {sent} bytes and read nothing"));
        self.has_sent(at, before);
        sent
    }

    /// Sends on its own thread, for more than the system buffers while nobody reads.
    ///
    /// # Errors
    ///
    /// When the socket cannot be shared.
    pub fn send_beside(&self, bytes: Vec<u8>) -> io::Result<thread::JoinHandle<SendOutcome>> {
        let mut other = Connection {
            stream: self.stream.try_clone()?,
            who: self.who.clone(),
            log: self.log.clone(),
            limit: self.limit.clone(),
            sent: self.sent,
            ahead: Vec::new(),
        };
        let sender = self.limit.known.sender();
        Ok(thread::spawn(move || {
            let outcome = other.send(&bytes);
            drop(sender);
            outcome
        }))
    }

    /// Reads until the expected bytes have come, something else has, or nothing more does.
    pub fn read(&mut self, expected: &[u8]) -> Received {
        // No byte is compared twice: an answer of megabytes comes in hundreds of pieces.
        let mut alike = 0;
        let received = self.read_while(|bytes| {
            let until = bytes.len().min(expected.len());
            if bytes[alike..until] != expected[alike..until] {
                return Some(bytes.len());
            }
            alike = until;
            (alike == expected.len()).then_some(alike)
        });
        match received.end {
            ReadEnd::Complete if received.bytes != expected => {
                self.rest_of_a_wrong_answer(received)
            }
            _ => received,
        }
    }

    /// A wrong answer is evidence: what comes with it in the next moment is shown as well. The
    /// verdict is final.
    fn rest_of_a_wrong_answer(&mut self, mut received: Received) -> Received {
        let grace = Instant::now() + Duration::from_millis(100);
        let mut buffer = vec![0; 16 * 1024];
        while received.bytes.len() < SURPLUS && Instant::now() < grace {
            match self.stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    self.log
                        .add(&self.who, What::Received(Excerpt::of(&buffer[..count])));
                    received.bytes.extend_from_slice(&buffer[..count]);
                }
                Err(error) if again(&error) => {}
                Err(_) => break,
            }
        }
        received.end = ReadEnd::Differs;
        received
    }

    /// Reads up to and including a mark.
    pub fn read_until(&mut self, mark: &[u8], limit: usize) -> Received {
        let mut searched = 0;
        self.read_while(|bytes| {
            let from = searched.min(bytes.len());
            if let Some(at) = find(&bytes[from..], mark) {
                return Some(from + at + mark.len());
            }
            searched = bytes.len().saturating_sub(mark.len());
            (bytes.len() > limit).then_some(bytes.len())
        })
    }

    /// Reads the head of an HTTP request: up to an empty line, with CRLF or the bare LF that the
    /// standard does not know.
    pub fn read_head(&mut self, limit: usize) -> Received {
        self.read_while(|bytes| {
            let end = [&b"\r\n\r\n"[..], b"\n\n", b"\n\r\n"]
                .into_iter()
                .filter_map(|end| Some(find(bytes, end)? + end.len()))
                .min();
            end.or_else(|| (bytes.len() > limit).then_some(bytes.len()))
        })
    }

    /// The address at which the program under test has met us; `None` when the connection is gone.
    pub fn address(&self) -> Option<SocketAddr> {
        self.stream.local_addr().ok()
    }

    /// Our port.
    pub fn port(&self) -> u16 {
        self.stream.local_addr().map_or(0, |address| address.port())
    }

    /// Reads whatever comes first, at least a byte.
    pub fn read_some(&mut self) -> Received {
        self.read_while(|bytes| (!bytes.is_empty()).then_some(bytes.len()))
    }

    /// What the program still sends before it waits: all that comes until nothing has come for a
    /// moment in which the program did nothing either. One that sends on after its own pause is
    /// received by anyone who listens on.
    pub fn read_until_idle(&mut self, limit: usize) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.ahead);
        let mut buffer = vec![0; 64 * 1024];
        let mut cpu_usage = procfs::cpu_usage(self.limit.group);
        let mut from = cpu_usage.unwrap_or_default().ran;
        while bytes.len() <= limit && Instant::now() < self.limit.end {
            // The end of the stream stays for anyone who reads on.
            match self.stream.peek(&mut buffer) {
                Ok(count) if count > 0 => {}
                Err(error) if again(&error) => {
                    let now = cpu_usage.and_then(|last| last.watch(self.limit.group, TICK));
                    match now {
                        Some((now, true)) if now.ran.saturating_sub(from) < LOOPS => {
                            cpu_usage = Some(now);
                            continue;
                        }
                        // Asked once more: it may have sent something,
                        // and come to rest, since we looked.
                        _ => match self.stream.peek(&mut buffer) {
                            Ok(count) if count > 0 => {}
                            _ => break,
                        },
                    }
                }
                _ => break,
            }
            let Ok(count) = self.stream.read(&mut buffer) else {
                break;
            };
            self.log
                .add(&self.who, What::Received(Excerpt::of(&buffer[..count])));
            bytes.extend_from_slice(&buffer[..count]);
            cpu_usage = procfs::cpu_usage(self.limit.group);
            from = cpu_usage.unwrap_or_default().ran;
        }
        bytes
    }

    /// Waits for the end of the stream, where nothing else is left to do.
    pub fn read_end(&mut self) -> Received {
        let step = self.limit.step_to_close();
        self.read_in(step, |bytes| (bytes.len() > FEW).then_some(bytes.len()))
    }

    /// Reads to the end of the stream, at most so much.
    pub fn read_to_end(&mut self, limit: usize) -> Received {
        self.read_while(|bytes| (bytes.len() > limit).then_some(bytes.len()))
    }

    /// Reads until the condition gives how many bytes belong
    /// to what was waited for; the rest stays for the next.
    pub(crate) fn read_while(&mut self, complete: impl FnMut(&[u8]) -> Option<usize>) -> Received {
        self.read_in(self.limit.step(), complete)
    }

    fn read_in(
        &mut self,
        mut step: Step,
        mut complete: impl FnMut(&[u8]) -> Option<usize>,
    ) -> Received {
        let mut bytes = std::mem::take(&mut self.ahead);
        let mut buffer = vec![0; 64 * 1024];
        // What lay ahead may already be all: asked before anything is read.
        let end = loop {
            if let Some(count) = complete(&bytes) {
                self.ahead = bytes.split_off(count.min(bytes.len()));
                break ReadEnd::Complete;
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => break ReadEnd::Closed,
                Ok(count) => {
                    self.log
                        .add(&self.who, What::Received(Excerpt::of(&buffer[..count])));
                    bytes.extend_from_slice(&buffer[..count]);
                    self.limit.known.came();
                    step.renew();
                }
                Err(error) if again(&error) && !step.is_over() => {}
                Err(error) if again(&error) => break ReadEnd::Silence,
                Err(_) => break ReadEnd::Reset,
            }
        };
        match end {
            ReadEnd::Closed => self
                .log
                .did(&self.who, "saw the program close the connection"),
            ReadEnd::Reset => self
                .log
                .did(&self.who, "saw the program break the connection off (RST)"),
            ReadEnd::Silence => {
                let what = match bytes.is_empty() {
                    true => "anything to come from the program",
                    false => "more to come from the program",
                };
                self.limit.tell(&self.log, &self.who, what, step.waited());
            }
            _ => {}
        }
        Received { bytes, end }
    }

    /// Whether the program has accepted this connection; `None` where the system does not tell.
    pub fn accepted(&self) -> Option<bool> {
        procfs::accepted(
            self.stream.peer_addr().ok()?,
            self.stream.local_addr().ok()?,
        )
    }

    /// Ends our direction without a word in the log:
    /// anyone who still sends on it has an error at once.
    pub fn stop_sending(&self) {
        let _gone = self.stream.shutdown(Shutdown::Write);
    }

    /// Ends our direction (FIN) and continues reading: the half-close.
    pub fn finish_sending(&mut self) {
        self.log.did(
            &self.who,
            "ended its direction (shutdown), and continues to read",
        );
        // Fails when the other side is gone already; reading tells.
        let _gone = self.stream.shutdown(Shutdown::Write);
    }

    /// Whether the program has ended its direction, and all that it sent before has been read.
    pub fn other_side_has_ended(&self) -> bool {
        // Reads here have a time limit, so this does not wait for longer than a tick.
        self.ahead.is_empty() && matches!(self.stream.peek(&mut [0]), Ok(0))
    }

    /// Closes the connection well: what has come and was not read is read first, since a close
    /// would break the connection off.
    pub fn close(mut self) {
        self.surplus();
        self.log.did(&self.who, "closed the connection");
    }

    /// Closes the connection after the program has: whatever it still sends is read, and breaks
    /// nothing off. Gives that.
    pub fn close_last(mut self) -> Vec<u8> {
        self.stop_sending();
        self.log.did(&self.who, "closed the connection");
        self.read_to_end(SURPLUS).bytes
    }

    /// What has come by now, and was not asked for.
    pub fn surplus(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.ahead);
        let mut buffer = vec![0; 16 * 1024];
        if self.stream.set_nonblocking(true).is_err() {
            return bytes;
        }
        while bytes.len() < SURPLUS {
            match self.stream.read(&mut buffer) {
                Ok(count) if count > 0 => {
                    self.log
                        .add(&self.who, What::Received(Excerpt::of(&buffer[..count])));
                    bytes.extend_from_slice(&buffer[..count]);
                }
                // The end of the stream is found again by anyone who reads on.
                _ => break,
            }
        }
        // The timeouts of reads hold again; where this fails, so does the next read.
        let _again = self.stream.set_nonblocking(false);
        bytes
    }

    /// Breaks the connection off: RST, by closing with a linger time of 0 (SO_LINGER).
    ///
    /// Returns when the RST has arrived, so that it is certain what the program's next call on the
    /// connection meets. On a busy machine it may be on its way for a while, also on loopback.
    pub fn reset(self) {
        self.log.did(&self.who, "broke the connection off (RST)");
        let ends = (self.stream.local_addr(), self.stream.peer_addr());
        let _gone = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        drop(self.stream);
        if let (Ok(us), Ok(them)) = ends {
            let mut step = self.limit.step();
            while procfs::unread(them, us).is_some() && !step.is_over() {
                thread::sleep(Duration::from_micros(50));
            }
        }
    }
}

/// Whether a call only ran out of its tick.
fn again(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// Where a run of bytes begins in another.
pub fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, text)
}

/// Tries once to connect, with a receive buffer of a given size.
///
/// # Errors
///
/// When no server listens, or the system refuses.
pub fn connect(
    address: SocketAddr,
    receive_buffer: Option<usize>,
    patience: Duration,
) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if let Some(size) = receive_buffer {
        // Before the handshake: the window that it announces follows from the buffer.
        socket.set_recv_buffer_size(size)?;
    }
    socket.connect_timeout(&address.into(), patience)?;
    Ok(socket.into())
}

/// A listening socket for a client under test. Its backlog
/// is long, and its port can be used again at once.
///
/// # Errors
///
/// When the port is taken.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(128)?;
    Ok(socket.into())
}

/// Accepts a client; `None` when none comes in time.
///
/// # Errors
///
/// When the system refuses.
pub fn accept(listener: &TcpListener, deadline: Instant) -> io::Result<Option<TcpStream>> {
    listener.set_nonblocking(true)?;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(Some(stream));
            }
            Err(error) if again(&error) => {
                if Instant::now() >= deadline {
                    return Ok(None);
                }
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
