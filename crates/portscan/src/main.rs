//! Scans the TCP ports of this machine, or of others that you may scan, and tells open, closed and filtered apart.
//!
//! Python:     `twin.py`, the student's first scanner: `connect_ex` in a thread pool
//! Terminal 1: `cargo run -p portscan`
//! You see:    the open ports of 127.0.0.1 with the names of their services, and how many are closed;
//!             start a server first, and its port is among them
//! Safety:     scan only what is yours, or what you have been given permission to scan

use std::collections::HashMap;
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
use labnet::{Hint, log};
use portscan::banner;
use portscan::engine::{self, Outcome, Plan, Position, Progress};
use portscan::limits;
use portscan::ports::Ports;
use portscan::report::{self, Format, Report};
use portscan::resume::Saved;
use portscan::schedule::{Limits, State};
use portscan::services;
use portscan::targets::{self, Targets};

/// The exit code after Ctrl-C, as shells count it: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

/// The file that Ctrl-C leaves, unless `--resume` names another.
const RESUME_FILE: &str = "portscan.resume";

/// With at most so many ports a host, and so many in all, the report has a line for each, whatever its state.
const FEW_PORTS: usize = 24;
const FEW_LINES: usize = 128;

const BANNER_TIME: Duration = Duration::from_secs(2);

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
    /// names (of each the first address), addresses, blocks (10.0.0.0/24), ranges (10.0.0.1-20), - for stdin; 1048576 hosts at most (default 127.0.0.1)
    #[argh(positional)]
    targets: Vec<String>,
    /// file with targets, one a line, # begins a comment; - is stdin
    #[argh(option)]
    from: Option<PathBuf>,
    /// target to leave out, of a name every address; may be repeated
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
    #[argh(option, from_str_fn(limits::rate))]
    rate: Option<f64>,
    /// longest wait for an answer, in seconds (default: from the round trip, 1 before the first answer)
    #[argh(option, from_str_fn(labnet::seconds))]
    timeout: Option<Duration>,
    /// tries for a port that does not answer (default 2, and 3 once loss is seen)
    #[argh(option, from_str_fn(limits::tries))]
    tries: Option<u8>,
    /// most probes under way at once (default 16384, and no more than the limit on open files allows)
    #[argh(option, from_str_fn(limits::window))]
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
    /// file of an interrupted scan to go on with, its limits too (--rate and so on) unless given anew; also where Ctrl-C leaves it (default portscan.resume)
    #[argh(option)]
    resume: Option<PathBuf>,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;

    // 1. What is to be scanned
    // From the command line, or from the file of an interrupted scan.
    let mut bad_targets = 0;
    let saved = saved(&args)?;
    let (targets, ports) = match &saved {
        Some(saved) => from_saved(&args, saved)?,
        None => (targets(&args, &mut bad_targets)?, ports(&args)?),
    };
    let plan = plan(&args, &targets, &ports, saved.as_ref())?;
    // A file that cannot be written is better known before the scan than after it.
    let out = args.out.as_deref().map(create).transpose()?;
    if let Some(host) = plan.hosts[plan.own..].iter().find(|host| host.is_public()) {
        log!(
            "{host} is neither this machine nor a private address: \
             scan it only with its owner's permission"
        );
    }

    // 2. The scan
    let stop = stop_on_ctrl_c()?;
    let mut outcome = scan(&plan, &stop)?;
    if let Some(saved) = &saved {
        merge(&mut outcome, saved);
    }
    let resume_file = args.resume.as_deref().unwrap_or(Path::new(RESUME_FILE));
    // What is left to do comes first: the report may end in a pipe whose reader the same Ctrl-C has ended.
    let left = match &outcome.stopped {
        Some(position) => to_resume(&targets, &ports, &plan, position, &outcome).store(resume_file),
        None => Ok(()),
    };

    // 3. The report
    let report = report(&plan, &targets, &outcome, args.banner, &stop)?;
    let mut errors = put_out(&args, out, &report);
    if outcome.stopped.is_none() && saved.is_some() && errors.is_empty() {
        errors.extend(remove(resume_file).err());
    }
    if outcome.stopped.is_some() && left.is_ok() {
        log!(
            "the scan is not complete; to go on: portscan --resume {}",
            resume_file.display()
        );
    }

    // How it went. An end that the user wished is none that went wrong, whatever became of the pipe.
    let as_wished = stop.load(Ordering::Relaxed) && outcome.trouble.is_none() && left.is_ok();
    for result in [left, able_to_send(&outcome), all_scanned(bad_targets)] {
        errors.extend(result.err());
    }
    let last = errors.pop();
    for error in errors {
        log!("Error: {:?}", labnet::Failure::from(error));
    }
    match last.map(labnet::Failure::from) {
        Some(error) if as_wished => log!("Error: {error:?}"),
        Some(error) => return Err(error),
        None => {}
    }
    if as_wished {
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

/// The file to go on with. A wrong name is told: without targets the scan of this machine would look like the rest
/// of the interrupted one.
fn saved(args: &Args) -> anyhow::Result<Option<Saved>> {
    let Some(path) = &args.resume else {
        return Ok(None);
    };
    let shown = path.display();
    let there = path
        .try_exists()
        .with_context(|| format!("cannot look for {shown}"))?;
    if there {
        return Saved::load(path).map(Some);
    }
    if args.targets.is_empty() && args.from.is_none() {
        return Err(anyhow!("there is no file {shown} to go on with"))
            .hint("check its name; beside targets, --resume says where Ctrl-C leaves such a file");
    }
    Ok(None)
}

fn plan(
    args: &Args,
    targets: &Targets,
    ports: &Ports,
    saved: Option<&Saved>,
) -> anyhow::Result<Plan> {
    let (hosts, own) = engine::arrange(targets.hosts())?;
    if let Some(saved) = saved {
        saved
            .check(&hosts, own, ports)
            .context("the interrupted scan cannot go on")
            .hint("start the scan anew, without --resume")?;
    }
    let seed = match (saved, args.in_order) {
        (Some(saved), _) => saved.seed,
        (None, true) => None,
        // Half of the bits make a number that a person can copy.
        (None, false) => Some(
            args.seed
                .unwrap_or_else(|| u64::from(rand::random::<u32>())),
        ),
    };
    let before = saved.map_or_else(Limits::default, |saved| saved.limits.clone());
    let lines = hosts.len().saturating_mul(ports.len());
    Ok(Plan {
        hosts,
        own,
        ports: ports.as_slice().to_vec(),
        seed,
        limits: Limits {
            tries: args.tries.or(before.tries),
            window: args.window.unwrap_or(before.window),
            rate: args.rate.or(before.rate),
            timeout: args.timeout.or(before.timeout),
            details: ports.len() <= FEW_PORTS && lines <= FEW_LINES,
        },
        start: saved.map_or_else(Position::default, |saved| saved.position.clone()),
    })
}

/// Adds up all targets. A bad one among good ones is told, counted, and passed over.
fn targets(args: &Args, bad: &mut u32) -> anyhow::Result<Targets> {
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
            log!("{:?}", labnet::Failure::from(error));
            *bad += 1;
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

fn remove(path: &Path) -> anyhow::Result<()> {
    fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))
}

/// Writes the report where it is to go, and gives back what went wrong.
fn put_out(args: &Args, out: Option<File>, report: &Report) -> Vec<anyhow::Error> {
    let colour =
        out.is_none() && io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let text = report.render(args.format, colour);
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
        // The report is not lost with a full disk.
        let mut stdout = io::stdout().lock();
        let written = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
            .context("cannot write to stdout");
        errors.extend(written.err());
    }
    if args.out.is_some() || args.format != Format::Human {
        log!("{}", report.sum());
        for doubt in report.doubts() {
            log!("uncertain: {doubt}");
        }
    }
    errors
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

fn scan(plan: &Plan, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    const STYLE: &str =
        "{percent:>3} % [{bar:30}] {human_pos}/{human_len} tries, {per_sec}, {eta} left";
    let progress = Progress::default();
    with_bar(STYLE, &progress, || {
        engine::scan(plan.clone(), stop, &progress)
    })?
}

/// Does something beside a progress bar. indicatif draws it on stderr, and only where that is a terminal.
fn with_bar<T: Send>(
    style: &str,
    progress: &Progress,
    work: impl FnOnce() -> T + Send,
) -> anyhow::Result<T> {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    thread::scope(|scope| {
        let (done, wait) = mpsc::channel();
        scope.spawn(move || {
            // Nobody waits any more only when the program is ending.
            let _ended = done.send(work());
        });
        loop {
            match wait.recv_timeout(Duration::from_millis(100)) {
                Ok(outcome) => {
                    bar.finish_and_clear();
                    return Ok(outcome);
                }
                Err(RecvTimeoutError::Timeout) => {
                    bar.set_length(progress.all.load(Ordering::Relaxed));
                    bar.set_position(progress.done.load(Ordering::Relaxed));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(anyhow!("a thread ended without a result"));
                }
            }
        }
    })
}

/// Adds what was known before the scan was interrupted.
fn merge(outcome: &mut Outcome, saved: &Saved) {
    outcome.findings.ports.extend(&saved.findings.ports);
    for (host, before) in &saved.findings.counts {
        *outcome.findings.counts.entry(*host).or_default() += *before;
    }
}

/// What the open ports say first, and how many could not be asked, because the program was stopped.
fn banners(
    open: &[SocketAddr],
    stop: &AtomicBool,
) -> anyhow::Result<(HashMap<SocketAddr, String>, u64)> {
    const STYLE: &str = "{percent:>3} % [{bar:30}] {human_pos}/{human_len} banners, {eta} left";
    let progress = Progress::default();
    let all = open.len() as u64;
    progress.all.store(all, Ordering::Relaxed);
    let said = with_bar(STYLE, &progress, || {
        banner::read_all(open, BANNER_TIME, stop, &progress.done)
    })?;
    Ok((said, all - progress.done.load(Ordering::Relaxed)))
}

fn report(
    plan: &Plan,
    targets: &Targets,
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
    let (mut said, unread) = banners(&open, stop)?;
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
                name: targets.name(*host).map(str::to_string),
                unknown: (plan.ports.len() as u64).saturating_sub(counts.all()),
                ports,
                counts,
            },
        ));
    }
    // This machine's addresses were scanned first; a reader looks for them where they belong.
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
        unread,
    })
}

fn to_resume(
    targets: &Targets,
    ports: &Ports,
    plan: &Plan,
    position: &Position,
    outcome: &Outcome,
) -> Saved {
    Saved {
        targets: targets.words(),
        ports: ports.to_string(),
        seed: plan.seed,
        own: targets::words(&plan.hosts[..plan.own]),
        limits: plan.limits.clone(),
        position: position.clone(),
        findings: outcome.findings.clone(),
    }
}
