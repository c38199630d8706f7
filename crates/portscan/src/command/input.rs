//! What is to be scanned: targets, ports and limits, from the options or from the resume file.

use std::path::Path;

use anyhow::{Context, anyhow};
use labnet::{Hint, log};
use portscan::engine::{self, Plan, Position};
use portscan::findings::State;
use portscan::limits::Limits;
use portscan::ports::Ports;
use portscan::report::Format;
use portscan::resume::{Saved, Wanted};
use portscan::services;
use portscan::targets::{Family, Targets};

use super::args::Args;
use super::list;

/// With at most so many ports a host, and so many in all, the report has a line for each, whatever
/// its state.
const FEW_PORTS: usize = 24;
const FEW_LINES: usize = 128;

/// What the user asked for.
pub(crate) struct Input {
    pub(crate) targets: Targets,
    pub(crate) ports: Ports,
    /// The interrupted scan that is continued.
    pub(crate) saved: Option<Saved>,
    /// How many targets could not be read. They were reported and skipped.
    pub(crate) bad_targets: u32,
    /// What the report is to be like.
    pub(crate) wanted: Wanted,
    pub(crate) format: Format,
}

impl Input {
    pub(crate) fn of(args: &Args) -> anyhow::Result<Self> {
        let mut bad_targets = 0;
        let saved = saved(args)?;
        let (targets, ports) = match &saved {
            Some(saved) => from_saved(args, saved)?,
            None => (targets(args, &mut bad_targets)?, ports(args)?),
        };
        let before = saved.as_ref().map(|saved| saved.wanted.clone());
        let before = before.unwrap_or_default();
        let format = match (args.format, &before.format) {
            (Some(format), _) => format,
            (None, Some(word)) => word.parse().map_err(|what| anyhow!("{what}"))?,
            (None, None) => Format::Human,
        };
        let wanted = Wanted {
            banner: args.banner || before.banner,
            open: args.open || before.open,
            format: Some(format.word().to_string()),
            out: args.out.clone().or(before.out),
        };
        Ok(Input {
            targets,
            ports,
            saved,
            bad_targets,
            wanted,
            format,
        })
    }

    pub(crate) fn plan(&self, args: &Args) -> anyhow::Result<Plan> {
        let saved = self.saved.as_ref();
        let (hosts, local) = engine::arrange(self.targets.hosts())?;
        if let Some(saved) = saved {
            saved
                .check(&hosts, local, &self.ports)
                .context("the interrupted scan cannot continue")
                .hint("start the scan again, without --resume")?;
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
        let timeout = args.timeout.or(before.timeout);
        let least_wait = args.least_wait.or(before.least_wait);
        if let (Some(least), Some(longest)) = (least_wait, timeout)
            && least > longest
        {
            return Err(anyhow!("--least-wait is longer than --timeout"))
                .hint("leave one of them out");
        }
        let lines = hosts.len().saturating_mul(self.ports.len());
        Ok(Plan {
            hosts,
            local,
            ports: self.ports.as_slice().to_vec(),
            seed,
            limits: Limits {
                tries: args.tries.or(before.tries),
                window: args.window.unwrap_or(before.window),
                rate: args.rate.or(before.rate),
                timeout,
                least_wait,
                details: !self.wanted.open && self.ports.len() <= FEW_PORTS && lines <= FEW_LINES,
            },
            start: saved.map_or_else(Position::default, |saved| start(saved, local)),
        })
    }
}

/// Where an interrupted scan is continued, with some of the open ports that it has found. Those of
/// this machine tell nothing about the network.
fn start(saved: &Saved, local: usize) -> Position {
    const SOME: usize = 20;
    let open = saved
        .findings
        .ports
        .iter()
        .filter(|(host, _, state)| *host as usize >= local && *state == State::Open);
    let mut answered: Vec<(u32, u16)> = Vec::new();
    let mut others = Vec::new();
    for (host, port, _) in open {
        if answered.len() == SOME {
            break;
        }
        // First one of each host: each has its own way.
        match answered.last() {
            Some((last, _)) if last == host => others.push((*host, *port)),
            _ => answered.push((*host, *port)),
        }
        others.truncate(SOME);
    }
    answered.extend(others);
    answered.truncate(SOME);
    Position {
        answered,
        ..saved.position.clone()
    }
}

/// The interrupted scan to continue. A file that does not exist is an error: without targets, the
/// scan of this machine would look like the rest of the interrupted one.
fn saved(args: &Args) -> anyhow::Result<Option<Saved>> {
    let Some(path) = &args.resume else {
        return Ok(None);
    };
    let shown = path.display();
    let there = path
        .try_exists()
        .with_context(|| format!("cannot look for {shown}"))
        .hint("--resume names the file of an interrupted scan")?;
    if there {
        return Saved::load(path).map(Some);
    }
    if args.targets.is_empty() && args.from.is_none() {
        return Err(anyhow!("there is no file {shown} to continue with")).hint(
            "check its name; together with targets, --resume says where Ctrl-C writes the file",
        );
    }
    Ok(None)
}

fn from_saved(args: &Args, saved: &Saved) -> anyhow::Result<(Targets, Ports)> {
    let given = !args.targets.is_empty()
        || args.from.is_some()
        || !args.exclude.is_empty()
        || args.exclude_from.is_some()
        || args.ipv4
        || args.ipv6
        || args.ports.is_some()
        || args.ports_from.is_some()
        || args.top.is_some()
        || args.exclude_ports.is_some()
        || args.seed.is_some()
        || args.in_order;
    if given {
        return Err(anyhow!(
            "--resume continues with the targets, ports and order of the interrupted scan"
        ))
        .hint("leave targets, ports and order out, or remove the file to start over");
    }
    let mut targets = Targets::default();
    if let Some(error) = targets
        .add_all(&saved.targets, Family::Any)
        .into_iter()
        .next()
    {
        return Err(error);
    }
    for (address, name) in &saved.names {
        targets.set_name(address, name)?;
    }
    Ok((targets, saved.ports.parse()?))
}

/// Adds up all targets. A bad one among good ones is reported, counted, and skipped.
fn targets(args: &Args, bad: &mut u32) -> anyhow::Result<Targets> {
    let stdin = Path::new("-");
    let family = match (args.ipv4, args.ipv6) {
        (true, true) => {
            return Err(anyhow!("-4 and -6 exclude each other"))
                .hint("leave both out to scan the addresses of both families");
        }
        (true, false) => Family::V4,
        (false, true) => Family::V6,
        (false, false) => Family::Any,
    };
    let mut words = Vec::new();
    for word in &args.targets {
        if Path::new(word) == stdin {
            words.extend(list::words(stdin, "targets")?);
        } else {
            words.push(word.clone());
        }
    }
    if let Some(path) = &args.from {
        words.extend(list::words(path, "targets")?);
    }
    if args.targets.is_empty() && args.from.is_none() {
        words.push(if args.ipv6 { "::1" } else { "127.0.0.1" }.to_string());
    }
    let mut targets = Targets::default();
    for error in targets.add_all(&words, family) {
        log!("{:?}", labnet::Failure::from(error));
        *bad += 1;
    }
    // A bad exclusion ends the program: scanning what should be left out is worse than scanning
    // nothing.
    let listed = match &args.exclude_from {
        Some(path) => list::words(path, "targets to leave out")?,
        None => Vec::new(),
    };
    for (option, words) in [("--exclude", &args.exclude), ("--exclude-from", &listed)] {
        targets
            .exclude_all(words)
            .context(option)
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

fn ports(args: &Args) -> anyhow::Result<Ports> {
    const HINT: &str = "ports look like this: --ports 22,http,8000-9000,60000-";
    let given = args.ports.is_some() || args.ports_from.is_some();
    let mut ports = match args.top {
        Some(_) if given => {
            return Err(anyhow!("--ports and --top exclude each other")).hint("leave one out");
        }
        Some(count) if (1..=services::COUNT).contains(&count) => services::top(count).collect(),
        Some(count) => {
            return Err(anyhow!(
                "--top {count}: the table has {} ports",
                services::COUNT
            ))
            .hint("leave --top out to scan all ports");
        }
        None if given => Ports::default(),
        None => Ports::all(),
    };
    if let Some(text) = &args.ports {
        ports = ports.with(&text.parse().context("--ports").hint(HINT)?);
    }
    if let Some(path) = &args.ports_from {
        let text = list::words(path, "ports")?.join(",");
        ports = ports.with(&text.parse().context("--ports-from").hint(HINT)?);
    }
    let ports = match &args.exclude_ports {
        Some(text) => ports.without(&text.parse().context("--exclude-ports").hint(HINT)?),
        None => ports,
    };
    if ports.is_empty() {
        return Err(anyhow!("there is nothing to scan: all ports are excluded")).hint(HINT);
    }
    Ok(ports)
}
