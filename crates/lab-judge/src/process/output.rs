//! What a program under test prints: always drained, and kept at both ends.

use std::borrow::Cow;
use std::io;
#[cfg(not(unix))]
use std::io::Read;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::group::{Signal, running, signal};
use crate::verdict::Excerpt;

/// How much of each output stream is kept, in bytes, at either end.
pub(super) const KEPT_OUTPUT: usize = 64 * 1024;

/// A program that prints more than this, in bytes, is stopped for it.
pub(super) const FLOOD: u64 = 64 * 1024 * 1024;

/// An output stream of a program, always drained so that the program never blocks on a full pipe.
pub(super) struct Capture {
    view: View,
    finished: Receiver<()>,
}

/// What an output stream has brought so far, for another thread to look at.
#[derive(Clone)]
pub(crate) struct View {
    shared: Arc<Shared>,
    /// The stream, as long as it is drained.
    #[cfg(unix)]
    stream: std::sync::Weak<OwnedFd>,
}

/// Reads an output stream, with every byte either in the pipe or in what is kept: never in between,
/// where nobody could see it.
#[cfg(unix)]
struct Stream(Arc<OwnedFd>);

#[cfg(unix)]
impl Stream {
    fn wait(&self) {
        let mut polled = [rustix::event::PollFd::new(
            &self.0,
            rustix::event::PollFlags::IN,
        )];
        // A wait that was cut short by a signal ends in a read that waits a little longer.
        let _interrupted = rustix::event::poll(&mut polled, None);
    }

    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.0, piece)?)
    }
}

/// Without a way to wait for bytes and leave them
/// where they are, they are out of sight for a moment.
#[cfg(not(unix))]
struct Stream(Box<dyn Read + Send>);

#[derive(Default)]
struct Shared {
    kept: Mutex<Kept>,
    changed: Condvar,
}

#[derive(Default)]
struct Kept {
    head: Vec<u8>,
    tail: Vec<u8>,
    total: u64,
    over: bool,
}

impl Kept {
    fn add(&mut self, piece: &[u8]) {
        self.total += piece.len() as u64;
        let room = KEPT_OUTPUT - self.head.len();
        let (head, tail) = piece.split_at(room.min(piece.len()));
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(tail);
        // Cut only once in a while: each cut moves what is kept.
        if self.tail.len() > 2 * KEPT_OUTPUT {
            self.tail.drain(..self.tail.len() - KEPT_OUTPUT);
        }
    }

    /// What came after the first `from` bytes, without what was not kept of it.
    fn after(&self, from: u64) -> Cow<'_, [u8]> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        if let Some(head) = self.head.get(from..)
            && !head.is_empty()
        {
            return match self.tail.is_empty() {
                true => Cow::Borrowed(head),
                false => Cow::Owned([head, &self.tail].concat()),
            };
        }
        let left = usize::try_from(self.total)
            .unwrap_or(usize::MAX)
            .saturating_sub(from);
        Cow::Borrowed(&self.tail[self.tail.len() - left.min(self.tail.len())..])
    }
}

impl Capture {
    #[cfg(unix)]
    pub(super) fn of(stream: Option<impl Into<OwnedFd>>, group: u32) -> Self {
        let stream = stream.map(|stream| Arc::new(stream.into()));
        let weak = stream.as_ref().map(Arc::downgrade).unwrap_or_default();
        let (shared, finished) = Self::drain(stream.map(Stream), group);
        let view = View {
            shared,
            stream: weak,
        };
        Capture { view, finished }
    }

    #[cfg(not(unix))]
    pub(super) fn of(stream: Option<impl Read + Send + 'static>, group: u32) -> Self {
        let stream = stream.map(|stream| Stream(Box::new(stream)));
        let (shared, finished) = Self::drain(stream, group);
        let view = View { shared };
        Capture { view, finished }
    }

    fn drain(stream: Option<Stream>, group: u32) -> (Arc<Shared>, Receiver<()>) {
        let shared = Arc::new(Shared::default());
        let (sender, finished) = mpsc::channel();
        let writer = Arc::clone(&shared);
        thread::spawn(move || {
            let mut piece = vec![0; 64 * 1024];
            let mut stream = stream;
            while let Some(open) = &mut stream {
                let lock = || labnet::lock(&writer.kept);
                #[cfg(unix)]
                let (read, mut kept) = {
                    open.wait();
                    // Read under the lock: anyone who holds it sees all that has left the pipe.
                    let kept = lock();
                    (open.read(&mut piece), kept)
                };
                #[cfg(not(unix))]
                let (read, mut kept) = (open.0.read(&mut piece), lock());
                let count = match read {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Ok(0) | Err(_) => break,
                    Ok(count) => count,
                };
                kept.add(&piece[..count]);
                let flooded = kept.total > FLOOD;
                drop(kept);
                writer.changed.notify_all();
                if flooded {
                    // The group is still known: it is reaped only
                    // after this thread has ended, or lost its pipe.
                    let known = running();
                    if known.contains_key(&group) {
                        signal(group, Signal::Kill);
                    }
                    break;
                }
            }
            labnet::lock(&writer.kept).over = true;
            writer.changed.notify_all();
            // Nobody waits for it where the program was dropped without its output being asked for.
            let _nobody_waits = sender.send(());
        });
        (shared, finished)
    }

    /// A look at it for another thread.
    pub(super) fn view(&self) -> View {
        self.view.clone()
    }

    /// Waits for the stream's end, for a second at most:
    /// something that could not be killed may hold it open.
    pub(super) fn finish(&self) {
        let _still_open = self.finished.recv_timeout(Duration::from_secs(1));
    }

    /// How many bytes have come.
    pub(super) fn total(&self) -> u64 {
        labnet::lock(&self.view.shared.kept).total
    }

    pub(super) fn floods(&self) -> bool {
        self.total() > FLOOD
    }

    /// All of it so far.
    pub(super) fn excerpt(&self) -> Excerpt {
        self.view.catch_up();
        let kept = labnet::lock(&self.view.shared.kept);
        Excerpt {
            head: kept.head.clone(),
            tail: kept.tail[kept.tail.len().saturating_sub(KEPT_OUTPUT)..].to_vec(),
            total: usize::try_from(kept.total).unwrap_or(usize::MAX),
        }
    }

    /// Waits until what comes after the first `from` bytes meets the condition, the stream has
    /// ended, or the time is up; says whether it does.
    pub(super) fn wait_for(
        &self,
        from: u64,
        deadline: Instant,
        condition: impl Fn(&[u8]) -> bool,
    ) -> bool {
        let shared = &self.view.shared;
        let mut kept = labnet::lock(&shared.kept);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if condition(&kept.after(from)) {
                return true;
            }
            if kept.over || left.is_zero() {
                return false;
            }
            (kept, _) = shared
                .changed
                .wait_timeout(kept, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl View {
    /// Waits until all that the program has written by now is kept.
    pub(super) fn catch_up(&self) {
        #[cfg(unix)]
        for _ in 0..1000 {
            let kept = labnet::lock(&self.shared.kept);
            let waiting = match self.stream.upgrade() {
                Some(stream) if !kept.over => has_more(&stream),
                _ => false,
            };
            drop(kept);
            if !waiting {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// How many bytes have come.
    pub(crate) fn total(&self) -> u64 {
        self.catch_up();
        labnet::lock(&self.shared.kept).total
    }

    /// What has come after so many bytes: as much of it as is kept.
    pub(crate) fn after(&self, from: u64) -> Vec<u8> {
        self.catch_up();
        labnet::lock(&self.shared.kept).after(from).into_owned()
    }
}

/// Whether a stream has bytes for us. Asked with poll: what was written to a terminal is on its way
/// there for a moment, in which FIONREAD says 0. Poll waits for it.
#[cfg(unix)]
fn has_more(stream: &OwnedFd) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let mut polled = [PollFd::new(stream, PollFlags::IN)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut polled, Some(&at_once)).is_ok() && polled[0].revents().contains(PollFlags::IN)
}

/// A text without the sequences that color it or move the cursor
/// (ECMA-48, section 5.4): `ESC [`, parameters, a letter.
pub(crate) fn plain(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(0x1b, text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == 0x1b
            && let Some(sequence) = after.strip_prefix(b"[")
            && let Some(end) = sequence
                .iter()
                .position(|byte| !(0x20..0x40).contains(byte))
            && (0x40..0x7f).contains(&sequence[end])
        {
            rest = &sequence[end + 1..];
        } else {
            plain.push(*first);
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_taken_out_and_nothing_else() {
        for (printed, text) in [
            ("\x1b[1;31mRe\x1b[0mceived\x1b[2K", "Received"),
            ("no color", "no color"),
            ("cut \x1b[3", "cut \x1b[3"),
            ("alone \x1b", "alone \x1b"),
            ("\x1b]0;title\x07", "\x1b]0;title\x07"),
        ] {
            assert_eq!(plain(printed.as_bytes()), text.as_bytes(), "{printed:?}");
        }
    }

    #[test]
    fn what_came_after_a_place_is_given_as_far_as_it_is_kept() {
        let mut kept = Kept::default();
        kept.add(b"before");
        kept.add(b"after");
        assert_eq!(kept.after(6), b"after".as_slice());
        assert_eq!(kept.after(100), b"".as_slice());
        kept.add(&vec![b'x'; 4 * KEPT_OUTPUT]);
        kept.add(b"last");
        let total = kept.total;
        assert_eq!(kept.after(total - 4), b"last".as_slice());
        let (from, beginning) = (kept.after(6), [b"after".as_slice(), b"xxx"].concat());
        assert!(from.starts_with(&beginning) && from.ends_with(b"last"));
    }
}
