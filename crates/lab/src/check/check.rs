//! `cargo lab check`: one program, judged.

use std::env;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, note, say};

use crate::command::Template;
use crate::exercises::{EXERCISES, Exercise, Host, Kind, Role};
use crate::report::{self, Format};
use crate::run::{self, Growing, Plan};
use crate::stage::Target;
use crate::verdict::Report;
use crate::{kernel, misconceptions, process};

/// Judges a program in any language by what it does on the wire.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "check",
    help_triggers("-h", "--help"),
    // region: workspace
    example = "cargo lab check dsd-eof",
    example = "cargo lab check dsd-eof --server \"python3 my_server.py --port {{port}}\"",
    example = "cargo lab check dsd-eof --client \"./client {{host}} {{port}} {{message}}\" --only sends",
    // endregion: workspace
    note = "The command runs without a shell. {{host}}, {{port}} and, for clients, {{message}} are filled in; without {{port}} the \
            sheet's own address is used. The words rust and python stand for our own program and its twin.\n\n\
            This is no sandbox: the program runs with your rights.",
    error_code(0, "every case passed"),
    error_code(1, "some failed"),
    error_code(2, "nothing failed, but not every case could be decided"),
    error_code(3, "the check itself could not be done")
)]
pub struct Check {
    /// the exercise, as cargo lab list names it; none lists those that can be checked
    #[argh(positional)]
    exercise: Option<String>,
    /// the server to check
    #[argh(option)]
    server: Option<String>,
    /// the client to check
    #[argh(option)]
    client: Option<String>,
    /// the program to check, where an exercise has no two sides
    #[argh(option)]
    program: Option<String>,
    /// only this case; may be given again
    #[argh(option)]
    only: Vec<String>,
    /// explain a misconception that a report has named, and do nothing else
    #[argh(option)]
    explain: Option<String>,
    /// list the cases instead of playing them
    #[argh(switch)]
    list: bool,
    #[argh(option, default = "1")]
    /// what is random follows from this number (default 1)
    seed: u64,
    /// seconds that a step may take (default 5)
    #[argh(
        option,
        default = "Duration::from_secs(5)",
        from_str_fn(labnet::seconds)
    )]
    patience: Duration,
    /// seconds that the whole check may take (default 120)
    #[argh(
        option,
        default = "Duration::from_secs(120)",
        from_str_fn(labnet::seconds)
    )]
    limit: Duration,
    /// cases at a time (default: twice the processors)
    #[argh(option, default = "run::default_jobs()")]
    jobs: usize,
    /// human (default), json, junit, tap, gradescope or classroom50
    #[argh(option, default = "Format::Human", from_str_fn(Format::parse))]
    format: Format,
    /// write the result into this file instead of showing it
    #[argh(option)]
    out: Option<PathBuf>,
}

impl Check {
    /// Checks, and gives the exit code.
    ///
    /// # Errors
    ///
    /// When the check cannot be done.
    pub fn run(self) -> anyhow::Result<u8> {
        if let Some(id) = &self.explain {
            return explain(id).map(|()| 0);
        }
        let Some(name) = &self.exercise else {
            return list_exercises().map(|()| 0);
        };
        let exercise = find(name)?;
        let chosen = chosen(exercise, [&self.server, &self.client, &self.program])?;
        if self.list {
            for (role, _) in &chosen {
                list_cases(role)?;
            }
            return Ok(0);
        }
        for only in &self.only {
            if !chosen
                .iter()
                .any(|(role, _)| role.cases.iter().any(|case| case.id == only))
            {
                return Err(anyhow!("{} has no case {only}", exercise.name)).hint(format!(
                    "cargo lab check {} --list shows them",
                    exercise.name
                ));
            }
        }
        let plan = Plan {
            only: self.only.clone(),
            jobs: self.jobs,
            limit: self.limit,
        };
        process::prepare().context("cannot become the reaper of orphans")?;
        let sink = Sink {
            format: self.format,
            out: self.out.clone(),
        };
        let mut worst = 0;
        for (role, command) in chosen {
            let played = role.cases.iter().filter(|case| {
                plan.only.is_empty() || plan.only.iter().any(|only| only == case.id)
            });
            if played.count() == 0 {
                continue; // The other side's case was asked for.
            }
            let target = target(role, &command, self.patience, self.seed, None)?;
            let report = empty_report(exercise, role, &target);
            let report = check(role, &target, &plan, report, &sink)?;
            sink.deliver(&report)?;
            worst = worst_of(worst, report.exit_code());
        }
        Ok(worst)
    }
}

/// Of two exit codes the one that says more: trouble, then failures, then what is undecided.
fn worst_of(a: u8, b: u8) -> u8 {
    let weight = |code| match code {
        0 => 0,
        2 => 1,
        1 => 2,
        _ => 3,
    };
    if weight(a) >= weight(b) { a } else { b }
}

/// Where the result goes.
#[derive(Debug, Clone)]
pub struct Sink {
    /// In which form.
    pub format: Format,
    /// Into which file; none is stdout.
    pub out: Option<PathBuf>,
}

impl Sink {
    fn deliver(&self, report: &Report) -> anyhow::Result<()> {
        match &self.out {
            None => {
                let text = report::render(report, self.format, colours())?;
                say!("{}", text.trim_end_matches('\n'))
            }
            Some(path) => {
                let text = report::render(report, self.format, false)?;
                report::write(path, &text)?;
                let counts = report.counts();
                note!(
                    "{} of {} cases passed; the result is in {}",
                    counts.passed,
                    counts.total(),
                    path.display()
                );
                Ok(())
            }
        }
    }
}

/// Colours are for a terminal, unless NO_COLOR says otherwise (no-color.org).
fn colours() -> bool {
    io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Plays a check; a signal delivers what is known by then.
fn check(
    role: &Role,
    target: &Target,
    plan: &Plan,
    report: Report,
    sink: &Sink,
) -> anyhow::Result<Report> {
    let growing: Growing = Arc::new(Mutex::new(report));
    on_signal(&growing, sink)?;
    run::play(role, target, plan, &growing, &|_| {});
    process::sweep();
    let report = growing
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    Ok(report)
}

/// At Ctrl-C every program under test ends, what is known so far is written, and so do we.
fn on_signal(report: &Growing, sink: &Sink) -> anyhow::Result<()> {
    static CURRENT: Mutex<Option<(Growing, Sink)>> = Mutex::new(None);
    static ONCE: std::sync::Once = std::sync::Once::new();
    *CURRENT.lock().unwrap_or_else(PoisonError::into_inner) =
        Some((Arc::clone(report), sink.clone()));
    let mut installed = Ok(());
    ONCE.call_once(|| {
        installed = signals(|name, code| {
            let current = CURRENT
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            // Held from here on: no further result is added, and none is delivered twice.
            if let Some((report, sink)) = current {
                let mut partial = report
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                process::stop_all();
                partial.trouble = Some(format!("{name} stopped it"));
                if let Err(error) = sink.deliver(&partial) {
                    note!("{error:#}");
                }
            }
            std::process::exit(code);
        });
    });
    installed
}

#[cfg(unix)]
fn signals(stop: impl Fn(&str, i32) + Send + 'static) -> anyhow::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])
        .context("cannot prepare for signals")?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let name = signal_hook::low_level::signal_name(signal).unwrap_or("a signal");
            // What a shell reports for a program that the signal ended.
            stop(name, 128 + signal);
        }
    });
    Ok(())
}

#[cfg(windows)]
fn signals(stop: impl Fn(&str, i32) + Send + 'static) -> anyhow::Result<()> {
    ctrlc::set_handler(move || stop("Ctrl-C", 130)).context("cannot prepare for Ctrl-C")
}

/// The exercise with this name.
///
/// # Errors
///
/// When there is none; names the nearest.
pub fn find(name: &str) -> anyhow::Result<&'static Exercise> {
    if let Some(exercise) = EXERCISES.iter().find(|exercise| exercise.name == name) {
        return Ok(exercise);
    }
    let near = EXERCISES
        .iter()
        .map(|exercise| {
            (
                strsim::damerau_levenshtein(name, exercise.name),
                exercise.name,
            )
        })
        .min()
        .filter(|(distance, _)| *distance <= 3);
    let hint = match near {
        Some((_, near)) => format!("did you mean {near}?"),
        None => "cargo lab check lists those that can be checked".to_string(),
    };
    Err(anyhow!("there is no check for an exercise {name}")).hint(hint)
}

/// Which sides to check, and with which commands. Without any command our own programs are checked.
fn chosen(
    exercise: &'static Exercise,
    given: [&Option<String>; 3],
) -> anyhow::Result<Vec<(&'static Role, String)>> {
    let kinds = [Kind::Server, Kind::Client, Kind::Program];
    let mut chosen = Vec::new();
    for (kind, command) in kinds.iter().zip(given) {
        let Some(command) = command else { continue };
        let role = exercise.roles.iter().find(|role| role.kind == *kind);
        let role = role
            .ok_or_else(|| anyhow!("{} has no {} to check", exercise.name, kind.name()))
            .hint(format!("it has: {}", sides(exercise)))?;
        chosen.push((role, command.clone()));
    }
    if chosen.is_empty() {
        chosen.extend(
            exercise
                .roles
                .iter()
                .map(|role| (role, own(role).to_string())),
        );
    }
    Ok(chosen)
}

/// The word for our own program: a hand-out for a course in Python has the twins alone.
fn own(role: &Role) -> &'static str {
    let manifest = workspace()
        .join("crates")
        .join(role.package)
        .join("Cargo.toml");
    if manifest.exists() { "rust" } else { "python" }
}

fn sides(exercise: &Exercise) -> String {
    let sides: Vec<String> = exercise
        .roles
        .iter()
        .map(|role| format!("--{}", role.kind.name()))
        .collect();
    sides.join(", ")
}

/// What is checked: the command, and the address that the sheet gives.
///
/// # Errors
///
/// When the command makes no sense, our own program does not build, or the sheet's port is taken.
pub fn target(
    role: &Role,
    command: &str,
    patience: Duration,
    seed: u64,
    folder: Option<PathBuf>,
) -> anyhow::Result<Target> {
    let command = match command {
        "rust" => format!("{} {}", quoted(&built(role.package)?), role.arguments),
        "python" => {
            let twin = workspace()
                .join("crates")
                .join(role.package)
                .join("twin.py");
            format!(
                "{} {} {}",
                if cfg!(windows) { "python" } else { "python3" },
                quoted(&twin),
                role.arguments
            )
        }
        other => other.to_string(),
    };
    let command = Template::parse(&command)?;
    let host = match role.host {
        Host::Loopback => "127.0.0.1".to_string(),
        Host::OwnName if command.has("host") => "127.0.0.1".to_string(),
        Host::OwnName => labnet::host_name()?,
    };
    let address: SocketAddr = labnet::resolve(&host, role.port)?;
    if !command.has("port") {
        not_taken(role, address)?;
    }
    Ok(Target {
        command,
        address,
        protocol: role.protocol,
        patience,
        case_limit: patience.max(Duration::from_secs(5)) * 8,
        folder,
        seed,
    })
}

/// A command without a place for the port needs the sheet's, for itself alone.
fn not_taken(role: &Role, address: SocketAddr) -> anyhow::Result<()> {
    let taken = match role.protocol {
        crate::ports::Protocol::Tcp => crate::peers::tcp::listen(address).err(),
        crate::ports::Protocol::Udp => std::net::UdpSocket::bind(address).err(),
    };
    let Some(error) = taken else { return Ok(()) };
    let holder = match kernel::holder(role.protocol.name(), address.port()) {
        Some((id, name)) => format!(", which process {id} ({name}) holds"),
        None => String::new(),
    };
    Err(error)
        .with_context(|| format!("the command has no {{port}}, so it needs the sheet's address {address}{holder}"))
        .hint("stop that program, or put {port} into the command: --server \"python3 my_server.py --port {port}\"")
}

fn quoted(path: &Path) -> String {
    shell_words::quote(&path.to_string_lossy()).into_owned()
}

/// The workspace's root: this program is built in it, and runs where it was built.
fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap_or(Path::new("."))
}

/// Builds a package of the workspace and gives its program's path.
fn built(package: &str) -> anyhow::Result<PathBuf> {
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package", package])
        .current_dir(workspace())
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        return Err(anyhow!("our own {package} does not build")).hint("cargo says why above");
    }
    let own = env::current_exe().context("cannot find this program's own folder")?;
    Ok(own.with_file_name(format!("{package}{}", env::consts::EXE_SUFFIX)))
}

/// The report before anything is known.
pub fn empty_report(exercise: &Exercise, role: &Role, target: &Target) -> Report {
    Report {
        exercise: exercise.name.to_string(),
        role: role.kind.name().to_string(),
        command: target.command.text.clone(),
        readme: readme(role),
        seed: target.seed,
        ..Report::default()
    }
}

/// Where the program is described: a hand-out has the server's description at its top.
fn readme(role: &Role) -> String {
    let own = format!("crates/{}/README.md", role.package);
    match workspace().join(&own).exists() {
        true => own,
        false => "README.md".to_string(),
    }
}

fn explain(id: &str) -> anyhow::Result<()> {
    let known = misconceptions::ALL.iter().find(|one| one.id == id);
    let one = known
        .ok_or_else(|| anyhow!("there is no misconception {id}"))
        .hint(format!(
            "there are: {}",
            misconceptions::ALL
                .iter()
                .map(|one| one.id)
                .collect::<Vec<_>>()
                .join(", ")
        ))?;
    say!("{}: {}.\n\n{}", one.id, one.title, one.text)
}

fn list_exercises() -> anyhow::Result<()> {
    for exercise in EXERCISES {
        for role in exercise.roles {
            let remark = if role.remark.is_empty() {
                String::new()
            } else {
                format!(" ({})", role.remark)
            };
            say!(
                "{:22} --{:8} {:2} cases{remark}",
                exercise.name,
                role.kind.name(),
                role.cases.len()
            )?;
        }
    }
    Ok(())
}

fn list_cases(role: &Role) -> anyhow::Result<()> {
    for case in role.cases {
        say!("{:8} {:22} {}", role.kind.name(), case.id, case.name)?;
    }
    Ok(())
}
