//! `cargo lab check`, `grade`, `watch` and `doctor`: any program in any language, judged by what it does on the wire.
//!
//! | module | holds |
//! |---|---|
//! | [`exercises`] | what is right: one file an exercise, with its cases |
//! | [`peers`] | how we behave badly, within what the network allows |
//! | [`process`] | running theirs: groups that end, output that is drained |
//! | [`stage`] | what a case works with: the program, our side of the wire, the time |
//! | [`run`] | plays the cases of a role, side by side |
//! | [`verdict`], [`misconceptions`] | what a result means |
//! | [`report`] | how it is told, to a person or a machine |
//! | [`kernel`] | what only the system can tell: queues, holders of ports, processes |
//! | [`refuse`] | a system that has no socket to give |
//! | [`limit`] | time limits that mean the same on a busy machine |
//! | [`command`], [`ports`] | the command line under test, and a port for it |
//! | [`scratch`] | a folder for a program that keeps files |
//! | [`target`] | what is checked: the exercise's sides, the commands, their addresses |
//! | [`network`] | a private network for each case |
//! | [`deliver`], [`signals`] | results that arrive however the check ends |
//! | [`progress`] | how far the work has come, on a terminal |
//! | [`check`], [`grade`], [`watch`], [`doctor`] | the commands |
//!
//! # To add a check
//!
//! An exercise is a file in `exercises/` with a `pub static EXERCISE: Exercise`, and its line in
//! `exercises/mod.rs`. A [`Case`](exercises::Case) has a short name, a sentence that is so when it passes, the cases without which
//! it says nothing, and a function that plays it on a [`Stage`](stage::Stage):
//!
//! ```ignore
//! Case {
//!     id: "cut-text",
//!     name: "puts together a message that is cut in the middle",
//!     rests_on: &["whole"],
//!     play: |stage| {
//!         let mut client = stage.serve()?;                   // starts the server, connects when it listens
//!         let taken = client.send_apart(&[b"hel", b"lo"]);   // the second goes when the first has been read
//!         stage.must_take(taken, &m::CLOSES_EARLY)?;
//!         let heard = client.hear(b"hello");
//!         match heard.end {
//!             HeardEnd::Complete => Ok(()),
//!             _ => Err(differs(&m::ONE_RECV, "…", b"hello", &heard.bytes)),
//!         }
//!     },
//! }
//! ```
//!
//! Then a wrong answer that fails it: a file in `gallery/EXERCISE/`, whose first lines say what it is and which cases it has to fail with
//! which misconception. The test `check-matrix` plays it, and fails when a case has no wrong answer.

// hand-out: #![allow(dead_code, reason = "a hand-out carries one exercise, and the whole of what all of them share")]

mod check;
mod command;
mod deliver;
mod doctor;
mod exercises;
mod grade;
mod kernel;
mod limit;
mod misconceptions;
mod network;
mod peers;
mod ports;
mod process;
mod progress;
mod refuse;
mod report;
mod run;
mod scratch;
mod signals;
mod stage;
mod target;
mod verdict;
mod watch;

use std::process::ExitCode;

use argh::{ArgsInfo, FromArgs};
use labnet::{Failure, log};

/// Checks a program by what it does on the wire.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"))]
struct Args {
    #[argh(subcommand)]
    command: Command,
}

#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand)]
enum Command {
    Check(check::Check),
    Grade(grade::Grade),
    Watch(watch::Watch),
    Doctor(doctor::Doctor),
}

/// The tool's own trouble: not a verdict about the program under test.
const TROUBLE: u8 = 3;

fn main() -> ExitCode {
    let done = labnet::args_as::<Args>("cargo lab").and_then(|args| match args.command {
        Command::Check(check) => check.run(),
        Command::Grade(grade) => grade.run(),
        Command::Watch(watch) => watch.run(),
        Command::Doctor(doctor) => doctor.run(),
    });
    process::sweep();
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            log!("{:?}", Failure::from(error));
            ExitCode::from(TROUBLE)
        }
    }
}
