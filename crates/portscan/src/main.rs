//! Scans the TCP ports of this machine, or of others that you may scan, and tells open, closed and
//! filtered apart.
//!
//! Python:     `twin.py`, the student's first scanner: `connect_ex` in a thread pool
//! Terminal 1: `cargo run -p portscan`
//! You see:    the open ports of 127.0.0.1, the names of their services, and how many are closed;
//!             start a server first, and its port is among them
//! Safety:     scan only what is yours, or what you have been given permission to scan

mod command;

use std::path::Path;
use std::process;
use std::sync::atomic::Ordering;

use anyhow::anyhow;
use command::args::Args;
use command::input::Input;
use command::output::{check_stdout, create, remove, report, to_resume, write_report};
use command::progress::{INTERRUPTED, scan, stop_on_ctrl_c};
use labnet::{Hint, log, say};
use portscan::engine::Outcome;

/// The file that Ctrl-C leaves, unless `--resume` names another.
const RESUME_FILE: &str = "portscan.resume";

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    if args.version {
        say!("portscan {}", env!("CARGO_PKG_VERSION"))?;
        return Ok(());
    }

    // 1. What is to be scanned
    // From the command line, or from the file of an interrupted scan.
    let input = Input::of(&args)?;
    let plan = input.plan(&args)?;
    // If the file cannot be written, that should be known before the scan, not after it.
    let out = args.out.as_deref().map(create).transpose()?;
    if out.is_none() {
        check_stdout()?;
    }
    if let Some(host) = plan.hosts[plan.local..]
        .iter()
        .find(|host| host.is_public())
    {
        log!(
            "{host} is neither this machine nor a private address: \
             scan it only with its owner's permission"
        );
    }

    // 2. The scan
    let stop = stop_on_ctrl_c()?;
    let mut outcome = scan(&plan, &stop)
        .hint("a local firewall, or too few open files or processes (ulimit -n, ulimit -u)")?;
    if let Some(saved) = &input.saved {
        outcome.findings.extend(&saved.findings);
    }
    let resume_file = args.resume.as_deref().unwrap_or(Path::new(RESUME_FILE));
    // The resume file comes first: the report may end in a pipe whose reader the same Ctrl-C has
    // ended.
    let left = match &outcome.stopped {
        Some(position) => to_resume(&input, &plan, position, &outcome).store(resume_file),
        None => Ok(()),
    };

    // 3. The report
    let report = report(&plan, &input, &outcome, args.banner, &stop)?;
    let mut errors = write_report(&args, out, &report);
    if outcome.stopped.is_none() && input.saved.is_some() && errors.is_empty() {
        errors.extend(remove(resume_file).err());
    }
    if outcome.stopped.is_some() && left.is_ok() {
        log!(
            "the scan is not complete; to continue it: portscan --resume {}",
            resume_file.display()
        );
    }

    // The exit code. A scan that the user stopped did not fail, whatever became of the pipe.
    let stopped_by_user = stop.load(Ordering::Relaxed) && outcome.trouble.is_none() && left.is_ok();
    for result in [left, able_to_send(&outcome), all_scanned(input.bad_targets)] {
        errors.extend(result.err());
    }
    let last = errors.pop();
    for error in errors {
        log!("Error: {:?}", labnet::Failure::from(error));
    }
    match last.map(labnet::Failure::from) {
        Some(error) if stopped_by_user => log!("Error: {error:?}"),
        Some(error) => return Err(error),
        None => {}
    }
    if stopped_by_user {
        process::exit(INTERRUPTED);
    }
    Ok(())
}

fn able_to_send(outcome: &Outcome) -> anyhow::Result<()> {
    match &outcome.trouble {
        Some(trouble) => Err(anyhow!("{trouble}"))
            .hint("a local firewall, a missing route, or too few open files (ulimit -n)"),
        None => Ok(()),
    }
}

fn all_scanned(bad_targets: u32) -> anyhow::Result<()> {
    let targets = match bad_targets {
        0 => return Ok(()),
        1 => "1 target".to_string(),
        count => format!("{count} targets"),
    };
    Err(anyhow!("{targets} could not be scanned, see above"))
        .hint("the others were scanned: see the report")
}
