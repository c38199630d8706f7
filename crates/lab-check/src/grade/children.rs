//! The checks that grade: each its own process, heard to its end, and ended at a signal.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};
use lab_judge::process;
use labnet::{lock, log};
use serde_json::Value;

/// How long a check that was told to stop has, before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(15);
/// More than this is never kept of what a check itself prints, in bytes.
const MOST_OUTPUT: u64 = 64 * 1024 * 1024;

/// What a check printed, and how it ended.
pub(super) struct Received {
    stdout: String,
    stderr: String,
    stopped: bool,
    success: bool,
}

impl Received {
    /// Whether it ended well.
    pub(super) fn success(&self) -> bool {
        self.success && !self.stopped
    }

    /// All that it printed.
    pub(super) fn said(&self) -> String {
        format!("{}{}", self.stderr, self.stdout)
    }

    /// The result, read and as it was printed.
    pub(super) fn result(self) -> anyhow::Result<(Value, String)> {
        if let Ok(value) = serde_json::from_str(&self.stdout) {
            return Ok((value, self.stdout));
        }
        let said = self.stderr.lines().last().unwrap_or_default();
        Err(match (self.stopped, said) {
            (true, _) => anyhow!("its check did not end in time and was killed"),
            (false, "") => anyhow!("its check gave no result"),
            (false, said) => anyhow!("its check gave no result: {said}"),
        })
    }
}

/// The checks that run, by process id. One is reaped under
/// this lock, so that no other process ever gets its signal.
static CHECKS: Mutex<BTreeMap<u32, ()>> = Mutex::new(BTreeMap::new());
/// No further submission is begun.
static STOPPED: AtomicBool = AtomicBool::new(false);
/// The exit code that a signal calls for.
static STOPPED_WITH: AtomicUsize = AtomicUsize::new(0);

fn checks() -> MutexGuard<'static, BTreeMap<u32, ()>> {
    lock(&CHECKS)
}

/// The first signal has every check end and tell what it
/// knows by then; a second one does not wait for them.
pub(super) fn stop(name: &str, code: i32) {
    let again = STOPPED.swap(true, Ordering::SeqCst);
    STOPPED_WITH.store(usize::try_from(code).unwrap_or(3), Ordering::SeqCst);
    for id in checks().keys() {
        process::tell(*id, again);
    }
    if again {
        process::sweep();
        std::process::exit(code);
    }
    log!("{name}: ending what runs; once more ends at once");
}

/// Runs a check and hears all that it prints.
pub(super) fn hear(command: &mut Command, patience: Duration) -> anyhow::Result<Received> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    lab_core::process::die_with_parent(command);
    let mut child = {
        let mut checks = checks();
        // Under the lock: a signal meets either no such check or one that it can end.
        if STOPPED.load(Ordering::SeqCst) {
            return Err(anyhow!("the grading was stopped before"));
        }
        let child = command.spawn().context("cannot start its check")?;
        checks.insert(child.id(), ());
        child
    };
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let id = child.id();
    let mut stopped = false;
    let text = match stdout.recv_timeout(patience) {
        Ok(text) => text,
        Err(_) => {
            process::tell(id, false);
            stdout.recv_timeout(STOP_PATIENCE).unwrap_or_else(|_| {
                stopped = true;
                process::tell(id, true);
                // Killed: its pipe ends.
                stdout.recv_timeout(STOP_PATIENCE).unwrap_or_default()
            })
        }
    };
    let success = reap(&mut child)?;
    Ok(Received {
        success,
        stdout: text,
        stderr: stderr.recv_timeout(STOP_PATIENCE).unwrap_or_default(),
        stopped,
    })
}

fn reap(child: &mut Child) -> anyhow::Result<bool> {
    let mut checks = checks();
    let ended = child.wait().context("cannot wait for a check");
    checks.remove(&child.id());
    ended.map(|status| status.success())
}

/// Reads a pipe to its end.
fn drain(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            // An error ends the reading as the pipe's end does: what has come is all there is.
            let _as_far_as_it_went = pipe.take(MOST_OUTPUT).read_to_end(&mut bytes);
        }
        let _nobody_waits = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

/// Whether a signal has come: no further submission is begun.
pub(super) fn is_stopped() -> bool {
    STOPPED.load(Ordering::SeqCst)
}

/// The exit code that a signal calls for; 0 when none has come.
pub(super) fn exit_code_of_signal() -> usize {
    STOPPED_WITH.load(Ordering::SeqCst)
}
