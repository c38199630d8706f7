//! Two voices: the transcript on stdout, and everything else on stderr.
//!
//! `println!` and `eprintln!` panic when the program that reads their pipe has gone (`| head -1`).
//! These two do not. Each writes a whole line with one system call, so lines of two programs that
//! share a terminal never mix, and a reader behind a pipe sees each line at once.

use std::fmt;
use std::io::{self, Write};

use anyhow::Context;

/// Prints a line of the lab's transcript to stdout, like Python's `print`.
///
/// Gives an error when stdout is closed, for `?` to pass on: a program that nobody can hear ends.
///
/// ```
/// # fn main() -> anyhow::Result<()> {
/// labnet::say!("Received {}", labnet::python::bytes(b"Hello, world"))?;
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! say {
    ($($message:tt)*) => { $crate::output::say(format_args!($($message)*)) };
}

/// Prints a line to stderr: what a program has to tell, but the sheet does not print.
///
/// Never fails. Where stderr is closed there is nobody left to tell, and no reason to stop.
///
/// ```
/// labnet::note!("{}: connection reset", "127.0.0.1:51234");
/// ```
#[macro_export]
macro_rules! note {
    ($($message:tt)*) => { $crate::output::note(format_args!($($message)*)) };
}

/// What [`say!`] calls.
///
/// # Errors
///
/// When stdout cannot be written to: `EPIPE` after its reader has gone, `ENOSPC` in a full file.
pub fn say(message: fmt::Arguments<'_>) -> anyhow::Result<()> {
    let line = format!("{message}\n");
    let mut stdout = io::stdout().lock();
    // The flush is for a last line without an end: stdout itself only lets go of whole lines.
    stdout
        .write_all(line.as_bytes())
        .and_then(|()| stdout.flush())
        .context("cannot write to stdout")
}

/// What [`note!`] calls.
pub fn note(message: fmt::Arguments<'_>) {
    let line = format!("{message}\n");
    // Deliberately without a reaction: see `note!`.
    let _nobody_to_tell = io::stderr().lock().write_all(line.as_bytes());
}
