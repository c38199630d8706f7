//! The report, the banners, and the resume file.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use labnet::{Hint, log};
use portscan::banner;
use portscan::engine::{Outcome, Plan, Position, Progress};
use portscan::findings::State;
use portscan::report::{self, Format, Report};
use portscan::resume::Saved;
use portscan::targets;

use super::args::Args;
use super::input::Input;
use super::progress::with_bar;

const BANNER_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether stdout was open when the program began. Rust opens `/dev/null` in place of a closed one
/// before `main`, and everything written there is lost.
#[cfg(target_os = "linux")]
mod at_start {
    use std::sync::atomic::{AtomicBool, Ordering};

    pub(super) static STDOUT_IS_OPEN: AtomicBool = AtomicBool::new(true);

    #[expect(
        unsafe_code,
        reason = "the loader calls it before Rust's own start (elf(5))"
    )]
    #[used]
    #[unsafe(link_section = ".init_array")]
    static LOOK: extern "C" fn() = look;

    extern "C" fn look() {
        let open = rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_ok();
        STDOUT_IS_OPEN.store(open, Ordering::Relaxed);
    }
}

/// Makes sure that there is a stdout to write the report to.
pub(crate) fn check_stdout() -> anyhow::Result<()> {
    #[cfg(target_os = "linux")]
    if !at_start::STDOUT_IS_OPEN.load(Ordering::Relaxed) {
        return Err(anyhow!(
            "there is nowhere to write the report: stdout is closed"
        ))
        .hint("open it, or name a file with --out");
    }
    Ok(())
}

pub(crate) fn create(path: &Path) -> anyhow::Result<File> {
    File::create(path)
        .with_context(|| format!("cannot create {}", path.display()))
        .hint("choose another --out, or leave it out for stdout")
}

pub(crate) fn remove(path: &Path) -> anyhow::Result<()> {
    fs::remove_file(path)
        .with_context(|| format!("cannot remove {}", path.display()))
        .hint("the scan is complete: the file is no longer needed")
}

/// Writes the report where the user wants it. Gives back the errors.
pub(crate) fn write_report(args: &Args, out: Option<File>, report: &Report) -> Vec<anyhow::Error> {
    let color =
        out.is_none() && io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let text = report.render(args.format, color);
    let mut errors = Vec::new();
    if let (Some(mut file), Some(path)) = (out, &args.out) {
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| file.flush())
            .with_context(|| format!("cannot write {}", path.display()))
            .hint("the report went to stdout instead");
        errors.extend(written.err());
    }
    if args.out.is_none() || !errors.is_empty() {
        // A full disk does not lose the report.
        let mut stdout = io::stdout().lock();
        let written = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
            .context("cannot write to stdout")
            .hint("its reader has ended, or its disk is full; --out names a file");
        errors.extend(written.err());
    }
    if args.out.is_some() || args.format != Format::Human {
        log!("{}", report.summary());
        for uncertainty in report.uncertainties() {
            log!("uncertain: {uncertainty}");
        }
    }
    errors
}

/// What the services on the open ports say first, and how many could not be asked because the
/// program was stopped.
fn banners(
    open: &[SocketAddr],
    rate: Option<f64>,
    stop: &AtomicBool,
) -> anyhow::Result<(HashMap<SocketAddr, String>, u64)> {
    const STYLE: &str = "{percent:>3} % [{bar:30}] {human_pos}/{human_len} banners, {eta} left";
    let progress = Progress::default();
    let all = open.len() as u64;
    progress.all.store(all, Ordering::Relaxed);
    let said = with_bar(STYLE, &progress, || {
        banner::read_all(open, BANNER_TIMEOUT, rate, stop, &progress.done)
    })?;
    Ok((said, all - progress.done.load(Ordering::Relaxed)))
}

/// The report of a scan; reads the banners for it.
pub(crate) fn report(
    plan: &Plan,
    input: &Input,
    outcome: &Outcome,
    with_banners: bool,
    stop: &AtomicBool,
) -> anyhow::Result<Report> {
    let mut found = outcome.findings.ports.clone();
    found.sort_unstable();
    let address = |host: u32, port: u16| plan.hosts[host as usize].port(port);
    let open: Vec<SocketAddr> = found
        .iter()
        .filter(|(_, _, state)| with_banners && *state == State::Open)
        .map(|(host, port, _)| address(*host, *port))
        .collect();
    let (mut said, unread) = banners(&open, plan.limits.rate, stop)?;
    let mut hosts: Vec<(targets::Host, report::Host)> = Vec::with_capacity(plan.hosts.len());
    let mut found = found.into_iter().peekable();
    for (number, host) in (0u32..).zip(&plan.hosts) {
        let mut ports = Vec::new();
        while let Some((_, port, state)) = found.next_if(|(of, _, _)| *of == number) {
            ports.push(report::Port {
                port,
                state,
                banner: said.remove(&address(number, port)),
            });
        }
        let counts = outcome
            .findings
            .counts
            .get(&number)
            .copied()
            .unwrap_or_default();
        hosts.push((
            *host,
            report::Host {
                address: host.to_string(),
                name: input.targets.name(*host).map(str::to_string),
                unknown: (plan.ports.len() as u64).saturating_sub(counts.all()),
                ports,
                counts,
            },
        ));
    }
    // This machine's addresses were scanned first; the report has all hosts in the order of their
    // addresses.
    hosts.sort_by_key(|(host, _)| *host);
    Ok(Report {
        hosts: hosts.into_iter().map(|(_, host)| host).collect(),
        time: outcome.time,
        losses: outcome.losses,
        round_trip: outcome.round_trip,
        limited_to: outcome.limited_to,
        slowed_to: outcome.slowed_to,
        tries: outcome.tries,
        seed: plan.seed,
        stopped: outcome.stopped.is_some(),
        banners_unread: unread,
    })
}

/// The file that continues an interrupted scan.
pub(crate) fn to_resume(
    input: &Input,
    plan: &Plan,
    position: &Position,
    outcome: &Outcome,
) -> Saved {
    Saved {
        targets: input.targets.words(),
        ports: input.ports.to_string(),
        seed: plan.seed,
        local: targets::words(&plan.hosts[..plan.local]),
        limits: plan.limits.clone(),
        position: position.clone(),
        findings: outcome.findings.clone(),
    }
}
