//! `cargo lab check`, `grade`, `watch` and `doctor`: any
//! program in any language, judged by what it does on the wire.
//!
//! | module | holds |
//! |---|---|
//! | [`exercises`] | what is right: one file an exercise, with its cases |
//! | [`target`] | what is checked: the exercise's sides, the commands, their addresses |
//! | [`scan_report`] | what a port scanner has printed |
//! | [`elsewhere`] | a server that listens on another port than it was told to |
//! | [`own_tests`] | the tests of a hand-out's exercise, as the last case |
//! | [`left`] | what is left to do when every case passes |
//! | [`trace`] | pictures of the cases that failed |
//! | [`deliver`], [`signals`] | results that arrive however the check ends |
//! | [`workspace`] | the folder of all this |
//! | [`tools`] | programs that the exercises use, and how to get them on this system |
//! | [`progress`] | how far the work has come, on a terminal |
//! | [`check`], [`grade`], [`watch`], [`doctor`] | the commands |

mod check;
mod deliver;
mod doctor;
mod elsewhere;
mod exercises;
mod grade;
mod left;
mod own_tests;
mod progress;
#[allow(dead_code, reason = "a hand-out of another exercise does not use it")]
mod scan_report;
mod signals;
mod target;
mod tools;
mod trace;
mod watch;
mod workspace;

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

/// A help text whose examples name an exercise that is here, and the first case of its last side.
fn with_example(help: &str) -> String {
    let all = exercises::in_order();
    let both_sides = all.iter().find(|exercise| exercise.roles.len() > 1);
    let example = both_sides.or(all.first());
    let case = example.and_then(|exercise| exercise.roles.last()?.cases.first());
    help.replace(
        "{exercise}",
        example.map_or("EXERCISE", |exercise| exercise.name),
    )
    .replace("{case}", case.map_or("CASE", |case| case.id))
}

/// The tool's own trouble: not a verdict about the program under test.
const TROUBLE: u8 = 3;

fn main() -> ExitCode {
    let done =
        labnet::args_with_help::<Args>("cargo lab", with_example).and_then(|args| {
            match args.command {
                Command::Check(check) => check.run(),
                Command::Grade(grade) => grade.run(),
                Command::Watch(watch) => watch.run(),
                Command::Doctor(doctor) => doctor.run(),
            }
        });
    lab_judge::process::sweep();
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            log!("{:?}", Failure::from(error));
            ExitCode::from(TROUBLE)
        }
    }
}
