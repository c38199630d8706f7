//! Which command it is.

use std::env;
use std::ffi::OsString;

use argh::{ArgsInfo, FromArgs};

use crate::spy::Spy;
use crate::trace::Trace;
use crate::{child, part};

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
    let first = words.next().unwrap_or_default();
    match first.to_str() {
        Some(child::MARK) => {
            let words: Vec<OsString> = words.collect();
            child::become_program(&words)?;
            return Ok(1);
        }
        Some(part::MARK) => {
            let words: Vec<OsString> = words.collect();
            return part::run(&words);
        }
        Some(part::ASK) => return part::can_record(),
        _ => {}
    }
    let args: Args =
        labnet::args_with_help("cargo lab", |help| help.replace("{exercise}", "dsd-sum"))?;
    match args.command {
        Command::Trace(trace) => trace.run(),
        Command::Spy(spy) => spy.run(),
    }
}
