//! `portscan diff BEFORE AFTER`.

use std::fs;

use anyhow::Context;
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, log, say};
use portscan::diff::Report;

/// Prints what differs between two reports of --format json, jsonl or xml, or of nmap -oX.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "portscan --format json --out monday.json
portscan --format json --out tuesday.json
{command_name} monday.json tuesday.json",
    error_code(0, "nothing has changed"),
    error_code(1, "something has changed"),
    error_code(2, "an error")
)]
struct Args {
    /// the earlier report
    #[argh(positional)]
    before: String,
    /// the later one
    #[argh(positional)]
    after: String,
}

/// The exit code: as diff(1) has it.
pub(crate) fn run() -> i32 {
    match changes() {
        Ok(0) => 0,
        Ok(_) => 1,
        Err(error) => {
            log!("Error: {:?}", labnet::Failure::from(error));
            2
        }
    }
}

/// Prints the changes, and says how many they are.
fn changes() -> anyhow::Result<usize> {
    let args: Args = labnet::args_after_first("portscan diff")?;
    let changes = read(&args.before)?.changes(&read(&args.after)?);
    for change in &changes {
        say!("{change}")?;
    }
    Ok(changes.len())
}

fn read(path: &str) -> anyhow::Result<Report> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read {path}"))
        .hint("portscan diff takes the files of two scans")?;
    Report::read(&text)
        .with_context(|| format!("{path} is not a report in JSON or in nmap's XML"))
        .hint("portscan --format json --out FILE writes one")
}
