//! Which command it is.

#[cfg(target_os = "linux")]
use std::env;
#[cfg(target_os = "linux")]
use std::ffi::OsString;

use argh::{ArgsInfo, FromArgs};

use crate::spy::Spy;
use crate::trace::Trace;
#[cfg(target_os = "linux")]
use crate::{child, part, traced};

/// Shows what programs do with sockets.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"))]
struct Args {
    #[argh(subcommand)]
    command: Command,
}

#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand)]
enum Command {
    Trace(Trace),
    Spy(Spy),
}

/// Runs the command, or becomes a traced program, and gives the exit code.
pub fn run() -> anyhow::Result<i32> {
    #[cfg(target_os = "linux")]
    if let Some(ended) = of_tracer() {
        return ended;
    }
    let args: Args =
        labnet::args_with_help("cargo lab", |help| help.replace("{exercise}", "dsd-sum"))?;
    match args.command {
        Command::Trace(trace) => trace.run(),
        Command::Spy(spy) => spy.run(),
    }
}

/// What this binary does for the tracer, by the first word.
#[cfg(target_os = "linux")]
fn of_tracer() -> Option<anyhow::Result<i32>> {
    let mut words = env::args_os().skip(1);
    let first = words.next().unwrap_or_default();
    let words: Vec<OsString> = words.collect();
    match first.to_str() {
        Some(child::MARK) => Some(child::become_program(&words).map(|()| 1)),
        Some(part::MARK) => Some(part::run(&words)),
        Some(part::ASK) => Some(traced::possible().map(|()| 0)),
        _ => None,
    }
}
