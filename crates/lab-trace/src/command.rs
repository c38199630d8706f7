//! Which command it is.

use std::env;
use std::ffi::OsString;

use argh::{ArgsInfo, FromArgs};

use crate::child;
use crate::spy::Spy;
use crate::trace::Trace;

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
    let mut words = env::args_os().skip(1);
    if words.next().is_some_and(|word| word == child::MARK) {
        let words: Vec<OsString> = words.collect();
        child::become_program(&words)?;
        return Ok(1);
    }
    let args: Args =
        labnet::args_with_help("cargo lab", |help| help.replace("{exercise}", "dsd-sum"))?;
    match args.command {
        Command::Trace(trace) => trace.run(),
        Command::Spy(spy) => spy.run(),
    }
}
