//! Anyone who wants to know what a scan finds while it runs.

use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::Position;
use crate::findings::{HostCounts, State};

/// Is told what a scan finds while it runs.
pub trait Watcher: fmt::Debug + Send + Sync {
    /// Ports (host number, port) whose state is known since the call before: the open ones, and
    /// with [`Limits::details`](crate::limits::Limits::details) the others.
    fn found(&self, ports: &[(u32, u16, State)]);

    /// Whether it is time for [`Watcher::save`].
    fn wants_to_save(&self) -> bool;

    /// Where the scan could continue if it ended now. All that is known before this position is in
    /// the counts, and was given to [`Watcher::found`].
    fn save(&self, position: Position, counts: &HostCounts);
}

/// The time between two moments.
const TICK: Duration = Duration::from_millis(100);

/// Does the work. Meanwhile and at its end `tell` tells the watcher what is new, and saves when the
/// watcher wants to.
pub(super) fn watched<T>(
    watcher: Option<&dyn Watcher>,
    tell: impl Fn(&dyn Watcher, bool) + Sync,
    work: impl FnOnce() -> T,
) -> T {
    let Some(watcher) = watcher else {
        return work();
    };
    let result = thread::scope(|scope| {
        let (done, over) = mpsc::channel::<()>();
        let tell = &tell;
        let started = thread::Builder::new().spawn_scoped(scope, move || {
            while over.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                tell(watcher, watcher.wants_to_save());
            }
        });
        let result = work();
        // Where no thread could be started, all is told at the end.
        drop((done, started));
        result
    });
    tell(watcher, false);
    result
}
