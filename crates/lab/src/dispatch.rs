//! The commands of `cargo lab` that are their own binaries.
//!
//! What they need (archives, reports) would make the first `cargo lab run` wait. So each is a
//! separate package, which `cargo lab COMMAND` has cargo build, and becomes.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use lab_core::{cargo, process};
use labnet::Hint;

/// The command, and the package whose only binary it is in.
const COMMANDS: &[(&str, &str)] = &[
    ("check", "lab-check"),
    ("grade", "lab-check"),
    ("watch", "lab-check"),
    ("doctor", "lab-check"),
    ("handout", "lab-handout"),
    ("trace", "lab-trace"),
    ("spy", "lab-trace"),
    ("book", "lab-book"),
    ("predict", "lab-book"),
];

/// Judges any program, in any language, by what it does on the wire.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "check")]
pub struct Check {}

/// Judges a folder of submissions: a table, a CSV file, and a result for each.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "grade")]
pub struct Grade {}

/// Checks a program again whenever its files change.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "watch")]
pub struct Watch {}

/// Looks whether this machine has what the labs need.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "doctor")]
pub struct Doctor {}

/// Makes a folder or an archive of an exercise, for a student.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "handout")]
pub struct Handout {}

/// Shows a run of any two programs, call by call and segment by segment.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "trace")]
pub struct Trace {}

/// Passes on what comes to an address, and shows it as it passes.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "spy")]
pub struct Spy {}

/// Builds the labs as a site to read: both languages side by side, and recorded runs.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "book")]
pub struct Book {}

/// Asks what a run will show, then makes that run and shows the answer.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "predict")]
pub struct Predict {}

/// Runs the binary that the first word stands for,
/// with the words after it, and gives its exit code.
///
/// `None` when the word is no such command. On Unix this does not return: the process becomes the
/// binary, so that Ctrl-C and the exit code are the binary's own.
///
/// # Errors
///
/// When this copy of the workspace has no such package, or it cannot be built or started.
pub fn for_words(mut words: impl Iterator<Item = OsString>) -> anyhow::Result<Option<i32>> {
    let Some(first) = words.next() else {
        return Ok(None);
    };
    let Some((name, package)) = COMMANDS.iter().find(|(command, _)| first == *command) else {
        return Ok(None);
    };
    // A hand-out leaves packages out.
    if !Path::new(env!("CARGO_MANIFEST_DIR"))
        .with_file_name(package)
        .exists()
    {
        return Err(anyhow!("there is no `cargo lab {name}` in this folder"))
            .hint("it is a part of the workspace that this folder was handed out from");
    }
    process::stop_at_signals()?;
    let mut command = Command::new(cargo::build_tool(package)?);
    // A binary that has several commands wants to know which.
    if COMMANDS.iter().filter(|(_, of)| of == package).count() > 1 {
        command.arg(name);
    }
    command.args(words);
    become_it(&mut command).map(Some)
}

#[cfg(unix)]
fn become_it(command: &mut Command) -> anyhow::Result<i32> {
    use std::os::unix::process::CommandExt;

    // Returns only if it failed.
    Err(command.exec())
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))
}

#[cfg(not(unix))]
fn become_it(command: &mut Command) -> anyhow::Result<i32> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    Ok(status.code().unwrap_or(1))
}
