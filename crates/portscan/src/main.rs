//! Scans the TCP ports of this machine, or of others that you may scan, and tells open, closed and filtered apart.
//!
//! Python:     `twin.py`, the student's first scanner: `connect_ex` in a thread pool
//! Terminal 1: `cargo run -p portscan`
//! You see:    the open ports of 127.0.0.1 with the names of their services, and how many are closed;
//!             start a server first, and its port is among them
//! Safety:     scan only what is yours, or what you have been given permission to scan

use std::fs::{self, File};
use std::io::{self, BufRead, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use indicatif::{ProgressBar, ProgressStyle};
use labnet::{Hint, note};
use portscan::banner;
use portscan::engine::{self, Outcome, Plan, Position, Progress};
use portscan::ports::Ports;
use portscan::report::{self, Format, Report};
use portscan::resume::Saved;
use portscan::schedule::{Limits, State};
use portscan::services;
use portscan::targets::Targets;

/// The exit code after Ctrl-C, as shells count it: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

/// The file that Ctrl-C leaves, unless `--resume` names another.
const RESUME_FILE: &str = "portscan.resume";

/// With at most so many ports a host, the report has a line for each, whatever its state.
const FEW_PORTS: usize = 24;

/// Finds the open TCP ports of this machine, or of others that you may scan.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name}                            # all ports of 127.0.0.1",
    example = "{command_name} 192.168.1.0/24 --top 100   # the usual ports of a network",
    example = "{command_name} db.example.org --ports 22,5432 --banner",
    example = "{command_name} --from hosts.txt --exclude 10.0.0.1 --format jsonl --out scan.jsonl",
    example = "{command_name} --resume portscan.resume   # go on after Ctrl-C",
    error_code(0, "everything was scanned"),
    error_code(1, "an error; good targets among bad ones were scanned"),
    error_code(
        130,
        "Ctrl-C; what is known was printed, the rest is in the resume file"
    )
)]
struct Args {
    /// names, addresses, blocks (10.0.0.0/24), ranges (10.0.0.1-20), - for stdin (default 127.0.0.1)
    #[argh(positional)]
    targets: Vec<String>,
    /// file with targets, one a line, # begins a comment; - is stdin
    #[argh(option)]
    from: Option<PathBuf>,
    /// target to leave out; may be repeated
    #[argh(option)]
    exclude: Vec<String>,
    /// ports, for example 22,80,8000-9000 (default all, 1-65535)
    #[argh(option)]
    ports: Option<String>,
    /// so many of the most usual ports instead
    #[argh(option)]
    top: Option<usize>,
    /// ports to leave out
    #[argh(option)]
    exclude_ports: Option<String>,
    /// most probes a second (default: as many as the network bears)
    #[argh(option, from_str_fn(rate))]
    rate: Option<f64>,
    /// longest wait for an answer, in seconds (default: from the round trip, 1 before the first answer)
    #[argh(option, from_str_fn(labnet::seconds))]
    timeout: Option<Duration>,
    /// tries for a port that does not answer (default 2, and 3 once loss is seen)
    #[argh(option, from_str_fn(tries))]
    tries: Option<u8>,
    /// most probes under way at once (default 16384, and no more than the limit on open files allows)
    #[argh(option, from_str_fn(window))]
    window: Option<usize>,
    /// seed of the random order (default: another one each time)
    #[argh(option)]
    seed: Option<u64>,
    /// hosts and ports in ascending order instead of a random one
    #[argh(switch)]
    in_order: bool,
    /// read what each open port's service says first
    #[argh(switch)]
    banner: bool,
    /// human, json, jsonl, grep or csv (default human)
    #[argh(option, default = "Format::Human")]
    format: Format,
    /// file for the report instead of stdout
    #[argh(option)]
    out: Option<PathBuf>,
    /// file of an interrupted scan to go on with; also where Ctrl-C leaves it (default portscan.resume)
    #[argh(option)]
    resume: Option<PathBuf>,
}

fn main() -> labnet::Exit {
    let args: Args = labnet::args()?;
    let mut failures = 0;

    // 1. What is to be scanned: from the command line, or from the file of an interrupted scan
    let saved = match &args.resume {
        Some(path) if path.exists() => Some(Saved::load(path)?),
        _ => None,
    };
    let (targets, ports) = match &saved {
        Some(saved) => from_saved(&args, saved)?,
        None => (targets(&args, &mut failures)?, ports(&args)?),
    };

    // 2. Where the report goes: a file that cannot be written is better known before the scan than after it
    let mut out = args.out.as_deref().map(create).transpose()?;

    // 3. The scan
    let (hosts, own) = engine::arrange(targets.hosts())?;
    if let Some(host) = hosts[own..].iter().find(|host| host.is_public()) {
        note!(
            "{host} is neither this machine nor a private address: \
             scan it only with its owner's permission"
        );
    }
    if saved.as_ref().is_some_and(|saved| saved.own != own) {
        return Err(anyhow!(
            "the interrupted scan was begun on a machine with other addresses"
        ))
        .hint("start the scan anew, without --resume")?;
    }
    let seed = match (&saved, args.in_order) {
        (Some(saved), _) => saved.seed,
        (None, true) => None,
        // Half of the bits make a number that a person can copy.
        (None, false) => Some(
            args.seed
                .unwrap_or_else(|| u64::from(rand::random::<u32>())),
        ),
    };
    let plan = Plan {
        hosts,
        own,
        ports: ports.as_slice().to_vec(),
        seed,
        limits: Limits {
            tries: args.tries,
            window: args.window.unwrap_or(0),
            rate: args.rate,
            timeout: args.timeout,
            details: ports.len() <= FEW_PORTS,
        },
        start: saved
            .as_ref()
            .map_or_else(Position::default, |saved| saved.position.clone()),
    };
    let stop = stop_on_ctrl_c()?;
    let mut outcome = scan_with_progress(&plan, &stop)?;
    if let Some(saved) = saved.as_ref() {
        merge(&mut outcome, saved);
    }
    let interrupted = stop.load(Ordering::Relaxed);

    // 4. The report
    let banners = args.banner && !interrupted;
    let report = report(&plan, &targets, &outcome, banners, &stop);
    let colour =
        out.is_none() && io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let text = report.render(args.format, colour);
    let written = match (&mut out, &args.out) {
        (Some(file), Some(path)) => write(file, path, &text),
        _ => Ok(()),
    };
    if out.is_none() || written.is_err() {
        // The report is not lost with a full disk.
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
            .context("cannot write to stdout")?;
    }
    if out.is_some() || args.format != Format::Human {
        note!("{}", report.sum());
        for doubt in report.doubts() {
            note!("uncertain: {doubt}");
        }
    }

    // 5. The end: what is left to do, and how it went
    let path = args.resume.as_deref().unwrap_or(Path::new(RESUME_FILE));
    match &outcome.stopped {
        Some(position) => {
            leave_resume_file(path, &targets, &ports, &plan, position, &outcome)?;
        }
        None if saved.is_some() => {
            fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        None => {}
    }
    written?;
    if let Some(trouble) = outcome.trouble {
        return Err(anyhow!(trouble))
            .hint("a local firewall, a missing route, or too few open files (ulimit -n)")?;
    }
    if interrupted {
        process::exit(INTERRUPTED);
    }
    if failures > 0 {
        let targets = if failures == 1 { "target" } else { "targets" };
        return Err(anyhow!(
            "{failures} {targets} could not be scanned, see above"
        ))
        .hint("the others were scanned: see the report")?;
    }
    Ok(())
}

/// Adds up all targets. A bad one among good ones is told, counted, and passed over.
fn targets(args: &Args, failures: &mut u32) -> anyhow::Result<Targets> {
    let mut words = Vec::new();
    for word in &args.targets {
        if word == "-" {
            words.extend(lines(io::stdin().lock(), "stdin")?);
        } else {
            words.push(word.clone());
        }
    }
    match args.from.as_deref() {
        None => {}
        Some(path) if path == Path::new("-") => words.extend(lines(io::stdin().lock(), "stdin")?),
        Some(path) => {
            let shown = path.display().to_string();
            let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
            words.extend(lines(io::BufReader::new(file), &shown)?);
        }
    }
    if words.is_empty() && args.targets.is_empty() && args.from.is_none() {
        words.push("127.0.0.1".to_string());
    }
    let mut targets = Targets::default();
    for word in &words {
        if let Err(error) = targets.add(word) {
            note!("{:?}", labnet::Failure::from(error));
            *failures += 1;
        }
    }
    // A bad --exclude ends the program: scanning what should be left out is worse than scanning nothing.
    for word in &args.exclude {
        targets
            .exclude(word)
            .with_context(|| format!("--exclude {word}"))
            .hint("it takes names, addresses, blocks and ranges, as the targets do")?;
    }
    if targets.is_empty() {
        return Err(anyhow!(
            "there is nothing to scan: the list of targets is empty"
        ))
        .hint("portscan 127.0.0.1 scans this machine; --help shows more");
    }
    Ok(targets)
}

fn lines(source: impl BufRead, name: &str) -> anyhow::Result<Vec<String>> {
    let mut words = Vec::new();
    for line in source.lines() {
        let line = line.with_context(|| format!("cannot read targets from {name}"))?;
        let text = line.split('#').next().unwrap_or_default();
        words.extend(text.split_whitespace().map(str::to_string));
    }
    Ok(words)
}

fn ports(args: &Args) -> anyhow::Result<Ports> {
    const HINT: &str = "ports look like this: --ports 22,80,8000-9000";
    let ports: Ports = match (&args.ports, args.top) {
        (Some(_), Some(_)) => {
            return Err(anyhow!("--ports and --top exclude each other")).hint("leave one out");
        }
        (Some(text), None) => text.parse().context("--ports").hint(HINT)?,
        (None, Some(count)) if (1..=services::COUNT).contains(&count) => {
            services::top(count).collect()
        }
        (None, Some(count)) => {
            return Err(anyhow!(
                "--top {count}: the table has {} ports",
                services::COUNT
            ))
            .hint("leave --top out to scan all ports");
        }
        (None, None) => Ports::all(),
    };
    let ports = match &args.exclude_ports {
        Some(text) => ports.without(&text.parse().context("--exclude-ports").hint(HINT)?),
        None => ports,
    };
    if ports.is_empty() {
        return Err(anyhow!("there is nothing to scan: all ports are excluded")).hint(HINT);
    }
    Ok(ports)
}

fn from_saved(args: &Args, saved: &Saved) -> anyhow::Result<(Targets, Ports)> {
    let given = !args.targets.is_empty()
        || args.from.is_some()
        || !args.exclude.is_empty()
        || args.ports.is_some()
        || args.top.is_some()
        || args.exclude_ports.is_some()
        || args.seed.is_some()
        || args.in_order;
    if given {
        return Err(anyhow!(
            "--resume goes on with the targets, ports and order of the interrupted scan"
        ))
        .hint("leave targets, ports and order out, or remove the file to begin anew");
    }
    let mut targets = Targets::default();
    for word in &saved.targets {
        targets.add(word)?;
    }
    Ok((targets, saved.ports.parse()?))
}

fn create(path: &Path) -> anyhow::Result<File> {
    File::create(path)
        .with_context(|| format!("cannot create {}", path.display()))
        .hint("choose another --out, or leave it out for stdout")
}

fn write(file: &mut File, path: &Path, text: &str) -> anyhow::Result<()> {
    file.write_all(text.as_bytes())
        .and_then(|()| file.flush())
        .with_context(|| format!("cannot write {}", path.display()))
        .hint("the report went to stdout instead")
}

/// The first Ctrl-C ends the scan in good order, the second one the program.
fn stop_on_ctrl_c() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            process::exit(INTERRUPTED);
        }
    })
    .context("cannot catch Ctrl-C")?;
    Ok(stop)
}

fn scan_with_progress(plan: &Plan, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    const STYLE: &str =
        "{percent:>3} % [{bar:30}] {human_pos}/{human_len} tries, {per_sec}, {eta} left";
    let progress = Progress::default();
    // indicatif draws on stderr, and only where that is a terminal.
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(STYLE) {
        bar.set_style(style);
    }
    thread::scope(|scope| {
        let (done, wait) = mpsc::channel();
        let progress = &progress;
        scope.spawn(move || {
            // Nobody waits any more only when the program is ending.
            let _ended = done.send(engine::scan(plan.clone(), stop, progress));
        });
        loop {
            match wait.recv_timeout(Duration::from_millis(100)) {
                Ok(outcome) => {
                    bar.finish_and_clear();
                    return outcome;
                }
                Err(RecvTimeoutError::Timeout) => {
                    bar.set_length(progress.all.load(Ordering::Relaxed));
                    bar.set_position(progress.done.load(Ordering::Relaxed));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(anyhow!("the scan ended without a result"));
                }
            }
        }
    })
}

/// Adds what was known before the scan was interrupted.
fn merge(outcome: &mut Outcome, saved: &Saved) {
    outcome.findings.ports.extend(&saved.findings.ports);
    for (host, before) in &saved.findings.counts {
        let sum = outcome.findings.counts.entry(*host).or_default();
        sum.add(State::Open, before.open);
        sum.add(State::Closed, before.closed);
        sum.add(State::Filtered, before.filtered);
        sum.add(State::Unreachable, before.unreachable);
    }
}

fn report(
    plan: &Plan,
    targets: &Targets,
    outcome: &Outcome,
    banners: bool,
    stop: &AtomicBool,
) -> Report {
    const BANNER_TIME: Duration = Duration::from_secs(2);
    let mut found = outcome.findings.ports.clone();
    found.sort_unstable();
    let address = |host: u32, port: u16| plan.hosts[host as usize].port(port);
    let open: Vec<SocketAddr> = found
        .iter()
        .filter(|(_, _, state)| banners && *state == State::Open)
        .map(|(host, port, _)| address(*host, *port))
        .collect();
    let mut said = banner::read_all(&open, BANNER_TIME, stop);
    let mut hosts: Vec<(portscan::targets::Host, report::Host)> =
        Vec::with_capacity(plan.hosts.len());
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
                name: targets.name(host.ip).map(str::to_string),
                unknown: (plan.ports.len() as u64).saturating_sub(counts.all()),
                ports,
                counts,
            },
        ));
    }
    // This machine's addresses were scanned first; a reader looks for them where they belong.
    hosts.sort_by_key(|(host, _)| *host);
    Report {
        hosts: hosts.into_iter().map(|(_, host)| host).collect(),
        time: outcome.time,
        losses: outcome.losses,
        round_trip: outcome.round_trip,
        limited_to: outcome.limited_to,
        slowed_to: outcome.slowed_to,
        tries: outcome.tries,
        seed: plan.seed,
        stopped: outcome.stopped.is_some(),
    }
}

fn leave_resume_file(
    path: &Path,
    targets: &Targets,
    ports: &Ports,
    plan: &Plan,
    position: &Position,
    outcome: &Outcome,
) -> anyhow::Result<()> {
    let saved = Saved {
        targets: targets.words(),
        ports: ports.to_string(),
        seed: plan.seed,
        own: plan.own,
        position: position.clone(),
        findings: outcome.findings.clone(),
    };
    saved.store(path)?;
    note!(
        "the scan is not complete; to go on: portscan --resume {}",
        path.display()
    );
    Ok(())
}

fn rate(word: &str) -> Result<f64, String> {
    word.parse()
        .ok()
        .filter(|rate| (0.1..=10_000_000.0).contains(rate))
        .ok_or_else(|| "a rate is a number of probes a second from 0.1 to 10000000".to_string())
}

fn tries(word: &str) -> Result<u8, String> {
    word.parse()
        .ok()
        .filter(|tries| (1..=20).contains(tries))
        .ok_or_else(|| "the number of tries is a whole number from 1 to 20".to_string())
}

fn window(word: &str) -> Result<usize, String> {
    word.parse()
        .ok()
        .filter(|window| (1..=1_000_000).contains(window))
        .ok_or_else(|| "a window is a whole number from 1 to 1000000".to_string())
}
