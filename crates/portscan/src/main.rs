//! Scans the TCP ports of this machine, or of others that you may scan, and tells open, closed and
//! filtered apart.
//!
//! Python:     `twin.py`, the student's first scanner: `connect_ex` in a thread pool
//! Terminal 1: `cargo run -p portscan`
//! You see:    the open ports of 127.0.0.1, the names of their services, and how many are closed;
//!             start a server first, and its port is among them
//! Safety:     scan only what is yours, or what you have been given permission to scan

mod command;

use std::process;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use anyhow::anyhow;
use command::args::Args;
use command::collect::Collector;
use command::input::Input;
use command::out::{Live, Out};
use command::output::{Report, remove};
use command::progress::{INTERRUPTED, scan, stop_on_ctrl_c};
use labnet::{Hint, log, say};
use portscan::engine::Outcome;

fn main() -> labnet::MainResult {
    if std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == "diff")
    {
        process::exit(command::diff::run());
    }
    let args: Args = labnet::args()?;
    if args.version {
        say!("portscan {}", env!("CARGO_PKG_VERSION"))?;
        return Ok(());
    }

    // 1. What is to be scanned
    // From the command line, or from the file of an interrupted scan.
    let mut input = Input::of(&args)?;
    let plan = input.plan(&args)?;
    let mut out = Some(Out::open(input.wanted.out.as_deref())?);
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
    let began = SystemTime::now();
    let form = input.format.form(false);
    let mut live = out
        .take_if(|_| input.format.streams())
        .map(|out| Live::new(form, out));
    // With banners a port is printed when its banner is known.
    let during = live.take_if(|_| !input.wanted.banner);
    let collector = Arc::new(Collector::new(
        &plan,
        &mut input,
        args.resume.as_deref(),
        during,
    ));
    let mut outcome = scan(&plan, &stop, Arc::clone(&collector) as _, collector.bar())
        .hint("a local firewall, or too few open files or processes (ulimit -n, ulimit -u)")?;
    // The resume file comes first: the report may end in a pipe whose reader the same Ctrl-C has
    // ended.
    let counts = std::mem::take(&mut outcome.findings.counts);
    let left = match &outcome.stopped {
        Some(position) => collector.save_end(position.clone(), &counts).map(Some),
        None => Ok(None),
    };

    // 3. The report
    let collected = collector.finish(counts);
    let resume_file = collected.resume_file.clone();
    let (mut report, during) = Report::new(&plan, &input, &outcome, collected, began)?;
    live = live.or(during);
    if input.wanted.banner {
        report.read_banners(&mut live, &stop)?;
    }
    let mut errors = report.deliver(out, live);
    if let (None, Some(file), true) = (&outcome.stopped, &resume_file, errors.is_empty()) {
        errors.extend(remove(file).err());
    }
    if let Ok(Some(file)) = &left {
        log!(
            "the scan is not complete; to continue it: portscan --resume {}",
            file.display()
        );
    }

    // The exit code. A scan that the user stopped did not fail, whatever became of the pipe.
    let stopped_by_user = stop.load(Ordering::Relaxed) && outcome.trouble.is_none() && left.is_ok();
    for result in [
        left.map(drop),
        able_to_send(&outcome),
        all_scanned(input.bad_targets),
    ] {
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
