//! How a run comes to its end: a server that would keep running is stopped, and so is everything at
//! Ctrl-C.
//!
//! The tracer's thread waits for the programs and for nothing else. So a second thread waits for
//! time and for signals.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, anyhow};
use labnet::lock;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::entries::since;

/// After the client's end, a server is watched until it has done nothing for this long.
const SILENCE: Duration = Duration::from_millis(400);
/// One that always does something is watched for this long.
const LAST_CALLS: Duration = Duration::from_secs(3);
/// How long a program may take to end after Ctrl-C, and after SIGTERM.
const GRACE: Duration = Duration::from_secs(1);
/// How often what is left is killed: a program may be starting others meanwhile.
const KILL_EVERY: Duration = Duration::from_millis(20);
/// If all of these fail, the system does not end processes.
const KILLS: usize = 500;

/// What the second thread hears.
#[derive(Debug, Clone, Copy)]
enum Message {
    ClientHasEnded,
    Interrupted(i32),
    AllHaveEnded,
}

/// The end of a run, as the tracer's thread sees it.
pub struct Ending {
    sender: Sender<Message>,
    live: Arc<Mutex<BTreeSet<u32>>>,
    begun: Arc<AtomicBool>,
    is_part: bool,
    thread: JoinHandle<Option<i32>>,
}

impl Ending {
    /// Begins to wait. `last` is when something was recorded last; what is on its way may take this
    /// `delay`.
    pub fn new(began: SystemTime, last: Arc<AtomicU64>, delay: Duration) -> anyhow::Result<Self> {
        Self::begin(began, last, SILENCE + 2 * delay, false)
    }

    /// The same for a program of `cargo lab check`, which says itself when the end comes: it tells
    /// the program and this one, and kills both when [`GRACE`] has passed twice.
    pub fn of_part(began: SystemTime, last: Arc<AtomicU64>) -> anyhow::Result<Self> {
        Self::begin(began, last, SILENCE, true)
    }

    fn begin(
        began: SystemTime,
        last: Arc<AtomicU64>,
        silence: Duration,
        is_part: bool,
    ) -> anyhow::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let mut signals =
            Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot listen for signals")?;
        let from_signals = sender.clone();
        // It ends with the process.
        thread::spawn(move || {
            for signal in signals.forever() {
                if from_signals.send(Message::Interrupted(signal)).is_err() {
                    return;
                }
            }
        });
        let live = Arc::new(Mutex::new(BTreeSet::new()));
        let begun = Arc::new(AtomicBool::new(false));
        let waiting = Waiting {
            receiver,
            live: Arc::clone(&live),
            begun: Arc::clone(&begun),
            began,
            last,
            silence,
            is_part,
        };
        let thread = thread::spawn(move || waiting.run());
        Ok(Ending {
            sender,
            live,
            begun,
            is_part,
            thread,
        })
    }

    /// Whether the run is being stopped, so that nothing more should be started.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    /// A process is there.
    pub fn started(&self, process: u32) {
        lock(&self.live).insert(process);
    }

    /// A process has ended.
    pub fn ended(&self, process: u32) {
        lock(&self.live).remove(&process);
    }

    /// The client's first process has ended.
    pub fn client_has_ended(&self) {
        if !self.is_part {
            self.send(Message::ClientHasEnded);
        }
    }

    fn send(&self, message: Message) {
        // The second thread may have given up before: after Ctrl-C it needs no news.
        let _ = self.sender.send(message);
    }

    /// No process is left. Gives the signal that interrupted the run.
    pub fn all_have_ended(self) -> anyhow::Result<Option<i32>> {
        self.send(Message::AllHaveEnded);
        self.thread
            .join()
            .map_err(|_| anyhow!("the thread that ends the programs failed"))
    }
}

/// The second thread.
struct Waiting {
    receiver: Receiver<Message>,
    live: Arc<Mutex<BTreeSet<u32>>>,
    begun: Arc<AtomicBool>,
    began: SystemTime,
    last: Arc<AtomicU64>,
    silence: Duration,
    is_part: bool,
}

impl Waiting {
    fn run(self) -> Option<i32> {
        let mut limit = None;
        loop {
            let heard = match limit {
                None => self
                    .receiver
                    .recv()
                    .map_err(|_| RecvTimeoutError::Disconnected),
                Some(_) => self.receiver.recv_timeout(self.silence / 4),
            };
            match heard {
                Ok(Message::ClientHasEnded) => {
                    limit = Some(Instant::now() + LAST_CALLS + self.silence);
                }
                Ok(Message::Interrupted(signal)) => {
                    self.interrupted(signal);
                    return Some(signal);
                }
                Ok(Message::AllHaveEnded) | Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    let last = Duration::from_micros(self.last.load(Ordering::Relaxed));
                    let now = Duration::from_micros(since(self.began));
                    let silent = now.saturating_sub(last) > self.silence;
                    if silent || limit.is_some_and(|limit| Instant::now() > limit) {
                        self.terminate();
                        return None;
                    }
                }
            }
        }
    }

    /// At Ctrl-C the terminal has told the programs as well, and the check tells its program. Any
    /// other signal came to this program alone.
    fn interrupted(&self, signal: i32) {
        self.begun.store(true, Ordering::SeqCst);
        let are_told = signal == SIGINT || self.is_part;
        if are_told && self.all_end_within(GRACE) {
            return;
        }
        if self.is_part {
            self.kill();
        } else {
            self.terminate();
        }
    }

    fn terminate(&self) {
        self.begun.store(true, Ordering::SeqCst);
        self.send_all(Signal::TERM);
        if !self.all_end_within(GRACE) {
            self.kill();
        }
    }

    fn kill(&self) {
        for _ in 0..KILLS {
            self.send_all(Signal::KILL);
            if self.all_end_within(KILL_EVERY) {
                return;
            }
        }
    }

    fn send_all(&self, signal: Signal) {
        for process in lock(&self.live).iter() {
            if let Ok(number) = i32::try_from(*process)
                && let Some(pid) = Pid::from_raw(number)
            {
                // One that has just ended needs no signal.
                let _ = kill_process(pid, signal);
            }
        }
    }

    fn all_end_within(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.receiver.recv_timeout(left) {
                Ok(Message::AllHaveEnded) | Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
                Ok(_) => {}
            }
        }
    }
}
