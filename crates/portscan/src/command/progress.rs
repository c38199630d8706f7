//! The progress bar, and Ctrl-C.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use labnet::Hint;
use portscan::engine::{self, Outcome, Plan, Progress, Watcher};

/// The exit code after Ctrl-C, as shells count it: 128 and the signal's number.
pub(crate) const INTERRUPTED: i32 = 130;

/// The first Ctrl-C stops the scan and leaves a report, the second one ends the program at once.
pub(crate) fn stop_on_ctrl_c() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            process::exit(INTERRUPTED);
        }
    })
    .context("cannot catch Ctrl-C")
    .hint("it needs a thread: raise the limit on processes (ulimit -u)")?;
    Ok(stop)
}

/// Carries out the plan and shows how far it is.
pub(crate) fn scan(
    plan: &Plan,
    stop: &AtomicBool,
    watcher: Arc<dyn Watcher>,
    bar: &ProgressBar,
) -> anyhow::Result<Outcome> {
    const STYLE: &str =
        "{percent:>3} % [{bar:30}] {human_pos}/{human_len} tries, {per_sec}, {eta} left";
    let progress = Progress {
        watcher: Some(watcher),
        ..Progress::default()
    };
    with_bar(bar, STYLE, &progress, || {
        engine::scan(plan.clone(), stop, &progress)
    })?
}

/// Shows a progress bar while the work runs. indicatif draws it on stderr, and only if that is a
/// terminal.
pub(crate) fn with_bar<T: Send>(
    bar: &ProgressBar,
    style: &str,
    progress: &Progress,
    work: impl FnOnce() -> T + Send,
) -> anyhow::Result<T> {
    let work = Mutex::new(Some(work));
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    let take = || labnet::lock(&work).take().map(|work| work());
    thread::scope(|scope| {
        let (done, wait) = mpsc::channel();
        let started = thread::Builder::new().spawn_scoped(scope, move || {
            // The receiver is gone only when the program is ending.
            let _program_ends = done.send(take());
        });
        if started.is_err() {
            // Where no thread can be started (`ulimit -u`), this one works, without a bar.
            return take();
        }
        loop {
            match wait.recv_timeout(Duration::from_millis(100)) {
                Ok(outcome) => {
                    bar.finish_and_clear();
                    return outcome;
                }
                Err(RecvTimeoutError::Timeout) => {
                    bar.set_length(progress.all.load(Ordering::Relaxed));
                    bar.set_position(progress.done.load(Ordering::Relaxed));
                }
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    })
    .context("a thread ended without a result")
}
