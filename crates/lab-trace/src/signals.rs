//! Hears of Ctrl-C and of the signals that ask a program to end.

use anyhow::Context;

/// What Ctrl-C is where there are no signals: as a shell counts it.
#[cfg(windows)]
const INTERRUPTED: i32 = 2;

/// Calls this, in a thread of its own, with the number of each signal.
#[cfg(unix)]
pub fn at_each(heard: impl Fn(i32) + Send + 'static) -> anyhow::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]);
    let mut signals = signals.context("cannot listen for signals")?;
    std::thread::spawn(move || signals.forever().for_each(heard));
    Ok(())
}

/// Calls this, in a thread of its own, at each Ctrl-C.
#[cfg(windows)]
pub fn at_each(heard: impl Fn(i32) + Send + 'static) -> anyhow::Result<()> {
    ctrlc::set_handler(move || heard(INTERRUPTED)).context("cannot listen for Ctrl-C")
}
