//! `cargo lab`: lists the exercises, and runs both sides of one in a terminal.
//!
//! | module | holds |
//! |---|---|
//! | [`dispatch`] | the commands that are their own binaries, built when first used |
//! | [`hint`] | `cargo lab hint`: help with the next step of a starter |
//! | [`list`] | `cargo lab list` |
//! | [`run`] | `cargo lab run`: one conversation, in one terminal |
//! | [`show`] | the lines of both sides in one terminal, each labeled |
//! | [`web`] | the small web server that some exercises talk to |
//! | [`demo`] | what an exercise shows that has more than a server and a client |
//! | [`index`] | `cargo lab index`: `examples-index.md` |
//!
//! Nothing here knows an exercise by name. A new crate
//! with its metadata is listed, run and indexed.
//!
//! [`run`] has one loop over one channel. Two threads for each program read its pipes and send what
//! comes. The main thread shows it and decides what is next. A full channel makes the threads wait,
//! and then the programs: memory stays bounded, whatever they print.
//!
//! The programs stay in the terminal's foreground process group, so that a client can read the
//! keyboard. So the terminal's Ctrl-C reaches them too. A Python program answers it with a
//! traceback: [`show`] holds a traceback back until its last line, and drops one that ends with
//! `KeyboardInterrupt`.
//!
//! The first `cargo lab run` in a fresh clone has to be quick, so little is built for it: `argh`,
//! `tinyjson`, `strsim` and, for signals on Unix, `signal-hook`.

mod demo;
mod dispatch;
mod hint;
mod index;
mod list;
mod run;
mod show;
mod web;

use argh::{ArgsInfo, FromArgs};
use lab_core::catalog::Catalog;
use labnet::say;

/// The name under which users start this program.
const NAME: &str = "cargo lab";

/// Lists the exercises, and runs both sides of one in a terminal.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "cargo lab list",
    example = "cargo lab run {{exercise}}",
    example = "cargo lab run {{exercise}} --client python --port 9900",
    example = "cargo lab check {{exercise}} --server \"python3 my_server.py --port {{port}}\""
)]
struct Lab {
    #[argh(subcommand)]
    command: Option<Command>,
}

#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand)]
enum Command {
    List(list::List),
    Run(run::Run),
    Hint(hint::Hint),
    Index(index::Index),
    Check(dispatch::Check),
    Grade(dispatch::Grade),
    Watch(dispatch::Watch),
    Doctor(dispatch::Doctor),
    Handout(dispatch::Handout),
    Trace(dispatch::Trace),
    Spy(dispatch::Spy),
    Book(dispatch::Book),
    Predict(dispatch::Predict),
}

fn main() -> labnet::MainResult {
    // Before anything is parsed: such a command has its own arguments, and its own --help.
    if let Some(code) = dispatch::for_words(std::env::args_os().skip(1))? {
        std::process::exit(code);
    }
    let code = match labnet::args_with_help::<Lab>(NAME, with_example)?.command {
        Some(Command::List(list)) => list.run().map(|()| 0),
        Some(Command::Run(run)) => run.run(),
        Some(Command::Hint(hint)) => hint.run().map(|()| 0),
        Some(Command::Index(index)) => index.run().map(|()| 0),
        // Only `--help` looks at the others; they were handed over above.
        _ => help().map(|()| 0),
    }?;
    // By now every program that was started has been stopped: `process::exit` runs no destructors.
    if code != 0 {
        std::process::exit(code);
    }
    Ok(())
}

/// What `cargo lab --help` prints, for a bare `cargo lab`.
fn help() -> anyhow::Result<()> {
    match Lab::from_args(&[NAME], &["--help"]) {
        Err(help) => say!("{}", with_example(help.output.trim_end())),
        Ok(_) => Ok(()),
    }
}

/// A help text whose examples name an exercise of this workspace.
fn with_example(help: &str) -> String {
    // Outside a workspace the help is still of use.
    let catalog = Catalog::read().ok();
    let exercise = catalog.as_ref().and_then(Catalog::example);
    help.replace("{exercise}", exercise.unwrap_or("EXERCISE"))
}
