//! What a service says first: read within limits, and escaped before it reaches a terminal.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::schedule::apart;

/// The most bytes that are read from a service.
pub const MAX_BYTES: usize = 512;

/// Connections at a time.
const AT_ONCE: usize = 512;

/// Services that may be asked before an earlier one has answered: their words wait for its turn.
const AHEAD: u64 = 4 * AT_ONCE as u64;

/// After so many services of a host that said nothing, one after the other, the rest is not asked.
/// Behind a proxy that accepts every connection, 65,535 silent ports would take minutes.
const SILENT_IN_A_ROW: u32 = 1024;

/// The time for a connection to be made. The system would send its SYN again after 1 s, and that
/// would be above the rate.
const CONNECT_TIME: Duration = Duration::from_millis(900);

/// The longest time until a stop is noticed.
const TICK: Duration = Duration::from_millis(50);

/// What came of asking a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Banner {
    /// Its first line, made printable.
    Said(String),
    /// Why there is none: the connection failed or broke before a byte had come.
    Failed(String),
}

/// What is known about the banner of a service in its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It was asked.
    Asked(Banner),
    /// It was asked, and waits for the client to speak first.
    Silent,
    /// The program was stopped before it had answered.
    Stopped,
    /// It was not asked: see [`read_all`].
    Skipped,
}

/// How services are asked.
#[derive(Debug)]
pub struct Asking<'a> {
    /// The time for each: a peer that sends a byte now and then does not prolong it.
    pub time: Duration,
    /// The most connections a second.
    pub rate: Option<f64>,
    /// Ends the work early.
    pub stop: &'a AtomicBool,
    /// Counts the services whose turn is over.
    pub done: &'a AtomicU64,
}

/// Asks services, each with a number for its host, what they say first: up to [`MAX_BYTES`] or the
/// end of the first line that is not empty. `tell` gets a reply for each, in their order.
///
/// When a thousand services of a host have said nothing, one after the other, the rest of that host
/// is not asked.
///
/// # Errors
///
/// When there is no poller, the services cannot be listed, or `tell` fails.
pub fn read_all(
    services: impl Iterator<Item = io::Result<(u32, SocketAddr)>>,
    asking: &Asking<'_>,
    tell: &mut dyn FnMut(Reply) -> io::Result<()>,
) -> io::Result<()> {
    let mut work = Work {
        poll: Poll::new()?,
        asking,
        // The last SYN of the scan may be a moment ago.
        next_turn: Instant::now() + asking.rate.map_or(Duration::ZERO, apart),
        next: 0,
        told: 0,
        talks: HashMap::new(),
        deadlines: VecDeque::new(),
        connecting: VecDeque::new(),
        replies: BTreeMap::new(),
        silent: HashMap::new(),
    };
    let mut services = services.peekable();
    let mut events = Events::with_capacity(AT_ONCE);
    loop {
        let stopped = asking.stop.load(Ordering::Relaxed);
        if stopped {
            work.hang_up();
        }
        while work.has_room() || stopped {
            let Some(service) = services.next_if(|service| work.is_turn_of(service)) else {
                break;
            };
            let (host, address) = service?;
            work.ask(host, address);
            work.tell(tell)?;
        }
        work.tell(tell)?;
        if work.talks.is_empty() && services.peek().is_none() {
            return Ok(());
        }
        let now = Instant::now();
        let mut wait = work.deadlines.front().map_or(TICK, |(deadline, _)| {
            deadline.saturating_duration_since(now).min(TICK)
        });
        if asking.rate.is_some() && work.has_room() && services.peek().is_some() {
            wait = wait.min(work.next_turn.saturating_duration_since(now));
        }
        match work.poll.poll(&mut events, Some(wait)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            work.read(event.token().0 as u64);
        }
        work.expire();
    }
}

/// See [`read_all`].
struct Work<'a> {
    poll: Poll,
    asking: &'a Asking<'a>,
    /// When the rate allows another connection. What was missed is not made up for.
    next_turn: Instant,
    /// The number of the next service, and of the first whose reply has not been told.
    next: u64,
    told: u64,
    talks: HashMap<u64, Talk>,
    /// The ends of the talks, in the order in which they began.
    deadlines: VecDeque<(Instant, u64)>,
    /// The same for connections that may not be made yet.
    connecting: VecDeque<(Instant, u64)>,
    replies: BTreeMap<u64, Reply>,
    /// The services of a host that said nothing since one did.
    silent: HashMap<u32, u32>,
}

/// A connection to a service.
struct Talk {
    host: u32,
    address: SocketAddr,
    stream: TcpStream,
    said: Vec<u8>,
}

impl Work<'_> {
    fn has_room(&self) -> bool {
        self.talks.len() < AT_ONCE && self.next - self.told < AHEAD
    }

    /// Whether the rate allows another connection. One that is not made needs no turn.
    fn is_turn_of(&self, service: &io::Result<(u32, SocketAddr)>) -> bool {
        let (Some(_), Ok((host, _))) = (self.asking.rate, service) else {
            return true;
        };
        Instant::now() >= self.next_turn
            || self.gave_up(*host)
            || self.asking.stop.load(Ordering::Relaxed)
    }

    fn gave_up(&self, host: u32) -> bool {
        self.silent
            .get(&host)
            .is_some_and(|silent| *silent >= SILENT_IN_A_ROW)
    }

    fn ask(&mut self, host: u32, address: SocketAddr) {
        let number = self.next;
        self.next += 1;
        if self.asking.stop.load(Ordering::Relaxed) {
            self.replies.insert(number, Reply::Stopped);
            return;
        }
        if self.gave_up(host) {
            self.replies.insert(number, Reply::Skipped);
            return;
        }
        if let Some(rate) = self.asking.rate {
            self.next_turn = Instant::now() + apart(rate);
        }
        match self.connect(number, address) {
            Ok(stream) => {
                let due = Instant::now() + CONNECT_TIME.min(self.asking.time);
                self.connecting.push_back((due, number));
                let said = Vec::new();
                self.talks.insert(
                    number,
                    Talk {
                        host,
                        address,
                        stream,
                        said,
                    },
                );
                self.deadlines
                    .push_back((Instant::now() + self.asking.time, number));
            }
            Err(error) => self.finish(number, host, Err(error)),
        }
    }

    fn connect(&self, number: u64, address: SocketAddr) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(address)?;
        let token = Token(usize::try_from(number).map_err(io::Error::other)?);
        self.poll
            .registry()
            .register(&mut stream, token, Interest::READABLE)?;
        Ok(stream)
    }

    fn read(&mut self, number: u64) {
        // The talk may have ended with another event.
        let Some(talk) = self.talks.get_mut(&number) else {
            return;
        };
        let ended = loop {
            let mut bytes = [0; MAX_BYTES];
            let room = MAX_BYTES - talk.said.len();
            match talk.stream.read(&mut bytes[..room]) {
                Ok(0) => break Ok(()),
                Ok(count) => {
                    talk.said.extend(&bytes[..count]);
                    if talk.said.len() == MAX_BYTES || has_line(&talk.said) {
                        break Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // What came before the connection broke counts.
                Err(_) if !talk.said.is_empty() => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.end(number, ended);
    }

    fn end(&mut self, number: u64, ended: io::Result<()>) {
        if let Some(mut talk) = self.talks.remove(&number) {
            // The system forgets a descriptor that is closed in any case.
            let _closed_next = self.poll.registry().deregister(&mut talk.stream);
            self.finish(number, talk.host, ended.map(|()| talk.said));
        }
    }

    fn finish(&mut self, number: u64, host: u32, said: io::Result<Vec<u8>>) {
        let words = said.map(|said| printable(&said));
        let silent = self.silent.entry(host).or_default();
        *silent = match &words {
            Ok(words) if !words.is_empty() => 0,
            _ => *silent + 1,
        };
        let reply = match words {
            Ok(words) if words.is_empty() => Reply::Silent,
            Ok(words) => Reply::Asked(Banner::Said(words)),
            Err(error) => Reply::Asked(Banner::Failed(error.to_string())),
        };
        self.replies.insert(number, reply);
    }

    /// The time of the oldest talks may be over.
    fn expire(&mut self) {
        let now = Instant::now();
        while let Some((_, number)) = self.connecting.pop_front_if(|(due, _)| *due <= now) {
            // A connection that was never made is not one that was silent.
            if let Some(talk) = self.talks.get(&number)
                && talk.stream.peer_addr().is_err()
            {
                let words = format!("no connection to {} in time", talk.address);
                self.end(number, Err(io::Error::new(ErrorKind::TimedOut, words)));
            }
        }
        while let Some((deadline, number)) = self.deadlines.front().copied() {
            if self.talks.contains_key(&number) && deadline > now {
                break;
            }
            self.deadlines.pop_front();
            self.end(number, Ok(()));
        }
    }

    fn hang_up(&mut self) {
        for number in std::mem::take(&mut self.talks).into_keys() {
            self.replies.insert(number, Reply::Stopped);
        }
        self.deadlines.clear();
        self.connecting.clear();
    }

    fn tell(&mut self, tell: &mut dyn FnMut(Reply) -> io::Result<()>) -> io::Result<()> {
        while let Some(reply) = self.replies.remove(&self.told) {
            self.told += 1;
            self.asking.done.fetch_add(1, Ordering::Relaxed);
            tell(reply)?;
        }
        Ok(())
    }
}

/// Whether a line is whole. Some services send empty lines first.
fn has_line(said: &[u8]) -> bool {
    said.trim_ascii_start().contains(&b'\n')
}

/// The first line that is not empty as printable ASCII; everything else is escaped, so that no
/// service can send the terminal a control sequence or forge a line of the report.
///
/// ```
/// use portscan::banner::printable;
///
/// assert_eq!(printable(b"SSH-2.0-OpenSSH_9.2\r\n"), "SSH-2.0-OpenSSH_9.2");
/// assert_eq!(printable(b"\r\nSSH-2.0-x\r\n"), "SSH-2.0-x");
/// assert_eq!(printable(b"\x1b[2J\x00"), r"\x1b[2J\x00");
/// ```
pub fn printable(said: &[u8]) -> String {
    let said = said.trim_ascii_start();
    let line = said.split(|byte| *byte == b'\n').next().unwrap_or(said);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.escape_ascii()
        .to_string()
        .replace("\\\"", "\"")
        .replace("\\'", "'")
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use socket2::SockRef;

    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(300);

    /// Serves every connection, since a port scan of this machine may come first.
    fn service(say: fn(TcpStream)) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        SockRef::from(&listener).listen(4096).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || say(stream));
            }
        });
        address
    }

    fn read_each(addresses: &[SocketAddr], time: Duration) -> Vec<Reply> {
        let asking = Asking {
            time,
            rate: None,
            stop: &AtomicBool::new(false),
            done: &AtomicU64::new(0),
        };
        let mut replies = Vec::new();
        let services = addresses.iter().map(|address| Ok((0, *address)));
        read_all(services, &asking, &mut |reply| {
            replies.push(reply);
            Ok(())
        })
        .unwrap();
        replies
    }

    fn said(words: &str) -> Reply {
        Reply::Asked(Banner::Said(words.to_string()))
    }

    #[test]
    fn a_banner_in_pieces_is_read_to_the_end_of_its_line() {
        let pieces = service(|mut stream| {
            for piece in ["220 ", "ready", "\r\nmore"] {
                if stream.write_all(piece.as_bytes()).is_err() {
                    return;
                }
            }
        });
        let blank = service(|mut stream| {
            let _gone = stream.write_all(b"\r\n\r\nSSH-2.0-x\r\n");
        });
        let replies = read_each(&[pieces, blank], Duration::from_secs(5));
        assert_eq!(replies, [said("220 ready"), said("SSH-2.0-x")]);
    }

    #[test]
    fn a_service_that_waits_for_the_client_has_no_banner_and_the_order_stays() {
        let waits = service(|mut stream| {
            let _until_the_client_goes = stream.read(&mut [0]);
        });
        let speaks = service(|mut stream| {
            let _gone = stream.write_all(b"hello\n");
        });
        let replies = read_each(&[waits, speaks, waits], TIMEOUT);
        assert_eq!(replies, [Reply::Silent, said("hello"), Reply::Silent]);
    }

    #[test]
    fn a_reset_is_not_taken_for_words() {
        let resets = service(|stream| {
            SockRef::from(&stream)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
        });
        let replies = read_each(&[resets], Duration::from_secs(5));
        assert!(
            matches!(&replies[..], [Reply::Asked(Banner::Failed(why))] if why.contains("reset")),
            "{replies:?}"
        );
    }

    #[test]
    fn many_silent_services_of_a_host_are_not_all_asked() {
        let waits = service(|mut stream| {
            let _until_the_client_goes = stream.read(&mut [0]);
        });
        let replies = read_each(&vec![waits; 5000], TIMEOUT);
        let count = |wanted: &Reply| replies.iter().filter(|reply| *reply == wanted).count();
        assert_eq!(replies.len(), 5000);
        assert!(
            count(&Reply::Skipped) >= 5000 - 3 * AT_ONCE,
            "{}",
            count(&Reply::Skipped)
        );
        assert_eq!(count(&Reply::Silent) + count(&Reply::Skipped), 5000);
    }

    #[test]
    fn a_service_that_never_stops_is_cut_off_and_one_that_trickles_does_not_prolong_the_wait() {
        let flood = service(|mut stream| while stream.write_all(&[b'x'; 4096]).is_ok() {});
        let replies = read_each(&[flood], Duration::from_secs(5));
        assert_eq!(replies, [said(&"x".repeat(MAX_BYTES))]);

        let trickle = service(|mut stream| {
            while stream.write_all(b"x").is_ok() {
                thread::sleep(TIMEOUT / 10);
            }
        });
        let began = Instant::now();
        let replies = read_each(&[trickle], TIMEOUT);
        assert!(matches!(&replies[..], [Reply::Asked(Banner::Said(words))] if words.len() < 100));
        assert!(began.elapsed() < TIMEOUT * 10);
    }
}
