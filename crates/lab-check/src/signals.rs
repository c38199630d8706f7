//! Ctrl-C and the other ways in which a user or a system asks a program to end.

use anyhow::Context;

/// Calls this at SIGINT, SIGTERM and SIGHUP, with the signal's name and
/// the exit code that a shell reports for a program which that signal
/// ended. The calls come one after another, from their own thread.
///
/// # Errors
///
/// When the system does not let the signals be caught.
#[cfg(unix)]
pub fn on_stop(stop: impl Fn(&str, i32) + Send + 'static) -> anyhow::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])
        .context("cannot catch signals")?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            let name = signal_hook::low_level::signal_name(signal).unwrap_or("a signal");
            stop(name, 128 + signal);
        }
    });
    Ok(())
}

/// Calls this at Ctrl-C and Ctrl-Break, with a name and an exit code.
///
/// # Errors
///
/// When the system does not let them be caught.
#[cfg(windows)]
pub fn on_stop(stop: impl Fn(&str, i32) + Send + 'static) -> anyhow::Result<()> {
    ctrlc::set_handler(move || stop("Ctrl-C", 130)).context("cannot catch Ctrl-C")
}
