//! When the router's calls run out of time: one thread sleeps until the earliest deadline.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The clock of a router, and its next deadline.
pub(super) struct Timer {
    began: Instant,
    /// The next deadline, in microseconds since `began`; `u64::MAX` for none.
    wakes_at: AtomicU64,
    stopped: Mutex<bool>,
    moved: Condvar,
}

impl Timer {
    pub(super) fn new() -> Self {
        Timer {
            began: Instant::now(),
            wakes_at: AtomicU64::new(u64::MAX),
            stopped: Mutex::new(false),
            moved: Condvar::new(),
        }
    }

    /// The time since the router began.
    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Makes [`Timer::run`] wake at this time or earlier.
    pub(super) fn wake_at(&self, deadline: Duration) {
        if micros(deadline) < self.wakes_at.load(Ordering::Relaxed) {
            let _moved = labnet::lock(&self.stopped);
            self.wakes_at.fetch_min(micros(deadline), Ordering::Relaxed);
            self.moved.notify_one();
        }
    }

    /// Calls `expire` at each deadline, until [`Timer::stop`].
    /// `expire` gives the next deadline, if it knows one.
    pub(super) fn run(&self, mut expire: impl FnMut() -> Option<Duration>) {
        let mut stopped = labnet::lock(&self.stopped);
        while !*stopped {
            let wakes_at = Duration::from_micros(self.wakes_at.load(Ordering::Relaxed));
            let left = wakes_at.saturating_sub(self.now());
            if !left.is_zero() {
                stopped = self
                    .moved
                    .wait_timeout(stopped, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
                continue;
            }
            self.wakes_at.store(u64::MAX, Ordering::Relaxed);
            // A realm that gets a deadline from here on moves the timer again.
            drop(stopped);
            if let Some(deadline) = expire() {
                self.wakes_at.fetch_min(micros(deadline), Ordering::Relaxed);
            }
            stopped = labnet::lock(&self.stopped);
        }
    }

    /// Ends [`Timer::run`].
    pub(super) fn stop(&self) {
        *labnet::lock(&self.stopped) = true;
        self.moved.notify_all();
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
