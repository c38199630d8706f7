//! How a program under test ended.

use std::fmt;
#[cfg(unix)]
use std::sync::{Arc, Condvar, Mutex};
#[cfg(unix)]
use std::thread;

#[cfg(unix)]
use crate::procfs::pid;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It returned this exit code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Code(code) => write!(f, "ended with exit code {code}"),
            Ended::Signal(number) => {
                write!(f, "was ended by signal {number}{}", signal_name(*number))
            }
        }
    }
}

/// What a signal is called, in brackets.
pub fn signal_name(number: i32) -> &'static str {
    match number {
        4 => " (SIGILL)",
        6 => " (SIGABRT: it stopped itself)",
        7 => " (SIGBUS)",
        8 => " (SIGFPE: it divided by zero, or overflowed)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV: it used memory that is not its own)",
        13 => " (SIGPIPE: it wrote to a connection that was closed)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

/// The end of a program, once it is known.
#[cfg(unix)]
#[derive(Default)]
pub(super) struct End {
    pub(super) ended: Mutex<Option<Ended>>,
    pub(super) changed: Condvar,
}

/// Notices a program's end without reaping it, so that its number stays its own until
/// [`super::Running::stop`].
#[cfg(unix)]
pub(super) fn watch(id: u32) -> Arc<End> {
    use rustix::process::{WaitId, WaitIdOptions, waitid};

    let known = Arc::new(End::default());
    let end = Arc::clone(&known);
    thread::spawn(move || {
        let Some(pid) = pid(id) else { return };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let ended = loop {
            match waitid(WaitId::Pid(pid), options) {
                Ok(Some(status)) => {
                    break match status.terminating_signal() {
                        Some(number) => Ended::Signal(number),
                        None => Ended::Code(status.exit_status().unwrap_or(-1)),
                    };
                }
                Ok(None) | Err(rustix::io::Errno::INTR) => {}
                // Reaped: the program was stopped, and nobody waits for this any more.
                Err(_) => return,
            }
        };
        *labnet::lock(&end.ended) = Some(ended);
        end.changed.notify_all();
    });
    known
}
