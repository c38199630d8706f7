//! What a program under test prints: always drained, and kept at both ends.

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
    shared: Arc<Shared>,
    finished: Receiver<()>,
    /// The stream, as long as it is drained.
    #[cfg(unix)]
    stream: std::sync::Weak<OwnedFd>,
}

/// Reads an output stream, with every byte either in the pipe or in what is kept: never in between, where nobody could see it.
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

/// Without a way to wait for bytes and leave them where they are, they are out of sight for a moment.
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
}

impl Capture {
    #[cfg(unix)]
    pub(super) fn of(stream: Option<impl Into<OwnedFd>>, group: u32) -> Self {
        let stream = stream.map(|stream| Arc::new(stream.into()));
        let weak = stream.as_ref().map(Arc::downgrade).unwrap_or_default();
        let (shared, finished) = Self::drain(stream.map(Stream), group);
        Capture {
            shared,
            finished,
            stream: weak,
        }
    }

    #[cfg(not(unix))]
    pub(super) fn of(stream: Option<impl Read + Send + 'static>, group: u32) -> Self {
        let stream = stream.map(|stream| Stream(Box::new(stream)));
        let (shared, finished) = Self::drain(stream, group);
        Capture { shared, finished }
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
                    // Read under the lock: whoever holds it sees all that has left the pipe.
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
                    // The group is still known: it is reaped only after this thread has ended, or lost its pipe.
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

    /// Waits until all that the program has written by now is kept.
    pub(super) fn catch_up(&self) {
        #[cfg(unix)]
        for _ in 0..1000 {
            let kept = labnet::lock(&self.shared.kept);
            let waiting = match self.stream.upgrade() {
                Some(stream) if !kept.over => rustix::io::ioctl_fionread(stream).unwrap_or(0),
                _ => 0,
            };
            drop(kept);
            if waiting == 0 {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for the stream's end, for a second at most: something that could not be killed may hold it open.
    pub(super) fn finish(&self) {
        let _still_open = self.finished.recv_timeout(Duration::from_secs(1));
    }

    pub(super) fn floods(&self) -> bool {
        labnet::lock(&self.shared.kept).total > FLOOD
    }

    pub(super) fn excerpt(&self) -> Excerpt {
        let kept = labnet::lock(&self.shared.kept);
        Excerpt {
            head: kept.head.clone(),
            tail: kept.tail[kept.tail.len().saturating_sub(KEPT_OUTPUT)..].to_vec(),
            total: usize::try_from(kept.total).unwrap_or(usize::MAX),
        }
    }

    pub(super) fn wait_for(&self, deadline: Instant, condition: impl Fn(&[u8]) -> bool) -> bool {
        let mut kept = labnet::lock(&self.shared.kept);
        loop {
            let all = [kept.head.as_slice(), kept.tail.as_slice()].concat();
            let left = deadline.saturating_duration_since(Instant::now());
            if condition(&all) {
                return true;
            }
            if kept.over || left.is_zero() {
                return false;
            }
            (kept, _) = self
                .shared
                .changed
                .wait_timeout(kept, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
