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
/// Gives an error when stdout is closed, for `?` to pass on: then the program ends.
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
/// Never fails. If stderr is closed the line is lost, which is no reason to stop.
///
/// ```
/// labnet::log!("{}: connection reset", "127.0.0.1:51234");
/// ```
#[macro_export]
macro_rules! log {
    ($($message:tt)*) => { $crate::output::log(format_args!($($message)*)) };
}

/// Most lines are shorter than this, in bytes, so their buffer never has to grow. `format!` begins
/// with nothing and grows four times for a line of 60.
const USUAL_LINE: usize = 128;

/// What [`say!`] calls.
///
/// # Errors
///
/// When stdout cannot be written to: `EPIPE` after its reader has gone, `ENOSPC` in a full file.
pub fn say(message: fmt::Arguments<'_>) -> anyhow::Result<()> {
    let mut line = Vec::with_capacity(USUAL_LINE);
    let mut stdout = io::stdout().lock();
    // The flush is for a last line without an end: stdout itself only lets go of whole lines.
    writeln!(line, "{message}")
        .and_then(|()| stdout.write_all(&line))
        .and_then(|()| stdout.flush())
        .context("cannot write to stdout")
}

/// What [`log!`] calls.
pub fn log(message: fmt::Arguments<'_>) {
    let mut line = Vec::with_capacity(USUAL_LINE);
    // Deliberately without a reaction: see `log!`.
    let _nobody_to_tell =
        writeln!(line, "{message}").and_then(|()| io::stderr().lock().write_all(&line));
}
