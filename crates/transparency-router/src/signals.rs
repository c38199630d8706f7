//! Signals: Ctrl-C and SIGTERM end the router, SIGHUP has it read its files again.

use anyhow::Context;

/// Calls one of these for each signal, on its own thread.
#[cfg(unix)]
pub(crate) fn handle(
    stop: impl Fn() + Send + 'static,
    reload: impl Fn() + Send + 'static,
) -> anyhow::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])
        .context("cannot catch Ctrl-C, SIGTERM and SIGHUP")?;
    let thread = std::thread::Builder::new().name("signals".to_string());
    thread
        .spawn(move || {
            for signal in signals.forever() {
                match signal {
                    SIGHUP => reload(),
                    _ => stop(),
                }
            }
        })
        .context("cannot start the thread that waits for signals")?;
    Ok(())
}

/// Windows has no SIGHUP.
#[cfg(not(unix))]
pub(crate) fn handle(
    stop: impl Fn() + Send + 'static,
    _reload: impl Fn() + Send + 'static,
) -> anyhow::Result<()> {
    ctrlc::set_handler(stop).context("cannot catch Ctrl-C")
}
