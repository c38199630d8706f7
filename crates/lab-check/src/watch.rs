//! `cargo lab watch`: the same check again whenever a file changes.
//!
//! The files are looked at four times a second. Their number is small, so that costs less than a
//! thousandth of a processor; it needs no library of a system's own notices (inotify, kqueue,
//! ReadDirectoryChangesW), which miss changes on network folders and in containers, and are told of
//! a rename where an editor saves by one.
//!
//! With `--next` the case that failed last is played
//! first, alone: anyone who mends it knows at once.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use lab_judge::command::Template;
use lab_judge::process;
use lab_judge::report::{self, Format};
use lab_judge::run::{self, Plan, SharedReport};
use lab_judge::sheet::Question;
use lab_judge::verdict::{CaseReport, Counts, Outcome, Report};
use labnet::{Failure, Hint, lock, log, say};

use crate::check::play;
use crate::deliver::colors;
use crate::left;
use crate::signals;
use crate::target::{self, Wanted};

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_millis(250);
/// A folder with more files than this is not the folder of a lab.
const MOST_FILES: usize = 2_000;
/// Folders of tools: what is in them changes without anybody's editing.
const OTHERS: [&str; 5] = ["target", "node_modules", "__pycache__", "venv", "build"];

/// Checks a program again whenever its files change.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "watch",
    help_triggers("-h", "--help"),
    example = "cargo lab watch {{exercise}} --next",
    example = "cargo lab watch {{exercise}} --server \"python3 my_server.py --port {{port}}\"",
    example = "cargo lab watch {{exercise}} --client \"./client {{port}} {{message}}\" --path src --path client",
    note = "Without a command our own programs are watched and checked: in a hand-out, those that the student writes. \
            The files that a command names are watched, and what --path adds: four times a second each is looked at. A change \
            while a check runs ends that check and begins the next. Ctrl-C ends it all.\n\n\
            This is not a sandbox: the program runs with your rights.",
    error_code(3, "the check itself could not be done"),
    error_code(130, "stopped by Ctrl-C; 129 by SIGHUP, 143 by SIGTERM")
)]
pub struct Watch {
    /// the exercise, as cargo lab list names it
    #[argh(positional)]
    exercise: String,
    /// the server to check
    #[argh(option)]
    server: Option<String>,
    /// the client to check
    #[argh(option)]
    client: Option<String>,
    /// the program to check, where an exercise has no two sides
    #[argh(option)]
    program: Option<String>,
    /// show one failure at a time: the first, and the next one when it passes
    #[argh(switch)]
    next: bool,
    /// a file or a folder to watch besides those that the command names; may be given again
    #[argh(option)]
    path: Vec<PathBuf>,
    /// only this case; may be given again
    #[argh(option)]
    only: Vec<String>,
    /// what is random follows from this number (default 1)
    #[argh(option, default = "1")]
    seed: u64,
    /// seconds that a step may take (default 5)
    #[argh(option, default = "target::PATIENCE", from_str_fn(labnet::seconds))]
    patience: Duration,
    /// seconds that each check may take (default 120)
    #[argh(
        option,
        default = "Duration::from_secs(120)",
        from_str_fn(labnet::seconds)
    )]
    limit: Duration,
    /// cases at a time (default: twice the processors)
    #[argh(option, default = "run::default_jobs()")]
    jobs: usize,
    /// use this machine's network where each case could have its own (Linux)
    #[argh(switch)]
    shared_network: bool,
}

impl Watch {
    /// Watches, until a signal ends it.
    ///
    /// # Errors
    ///
    /// When the check cannot be done at all.
    pub fn run(self) -> anyhow::Result<u8> {
        let commands = [&self.server, &self.client, &self.program];
        target::get_networks(self.shared_network, commands);
        let (exercise, sides) = target::sides(&self.exercise, commands)?;
        target::cases_exist(exercise, &sides, self.only.iter())?;
        let mut paths = self.path.clone();
        for (role, command) in &sides {
            if let Some(own) = target::own_files(role, command) {
                paths.push(own);
                continue;
            }
            let command = Template::parse(command)?;
            if command.has("dir") {
                return Err(anyhow!("watch has no folder for the place {{dir}} in the command"))
                    .hint("write the folder itself; cargo lab check --in FOLDER fills it in, and so does grade");
            }
            paths.extend(files_in(&command));
        }
        if paths.is_empty() {
            return Err(anyhow!("the command names no file that could be watched")).hint(
                "--path my_server.py says which; a folder is watched with all that is in it",
            );
        }
        if let Some(missing) = paths.iter().find(|path| !path.exists()) {
            return Err(anyhow!("there is no {}", missing.display()))
                .hint("--path takes files and folders that exist");
        }
        let wanted = Wanted {
            exercise,
            sides,
            patience: self.patience,
            seed: self.seed,
            folder: None,
            shared_network: self.shared_network,
        };
        process::prepare().context("cannot become the reaper of orphans")?;
        signals::on_stop(|name, code| {
            process::stop_all();
            log!("{name}: no longer watching");
            std::process::exit(code);
        })?;
        let here = std::env::current_dir().unwrap_or_default();
        let watched: Vec<String> = paths
            .iter()
            .map(|path| path.strip_prefix(&here).unwrap_or(path))
            .map(|path| path.display().to_string())
            .collect();
        let watching = format!("watching {}; Ctrl-C ends it", watched.join(", "));
        let mut seen = look(&paths)?;
        let mut failed = None;
        // How many cases passed when all of them were played last.
        let mut far = None;
        loop {
            let (wanted, only) = match &failed {
                Some(CaseName { role, id }) => (wanted.with_side(role), vec![id.clone()]),
                None => (wanted.clone(), self.only.clone()),
            };
            let plan = Plan {
                only,
                jobs: self.jobs,
                begin: Instant::now(),
                limit: self.limit,
            };
            match checked(&wanted, &plan, &mut seen, &paths) {
                Done::Played(report) if self.next => {
                    let next = first_failure(&report);
                    let alone = failed.take().is_some();
                    if alone && next.is_none() {
                        log!("it passes now; playing all cases …");
                        continue;
                    }
                    let counts = match far {
                        Some(counts) if alone => counts,
                        _ => *far.insert(report.counts()),
                    };
                    show(&one_failure(&report, next, counts, colors()))?;
                    failed = next.map(CaseName::of);
                }
                Done::Played(report) => {
                    show(&report::render(&report, Format::Human, colors())?)?;
                }
                Done::Overtaken => continue,
                // What does not compile now does after the next change.
                Done::NotPlayed(error) => log!("{:?}", Failure::from(error)),
            }
            log!("{watching}");
            wait_for_a_change(&mut seen, &paths);
        }
    }
}

/// A case by its side and its name: both sides may have one of the same name.
struct CaseName {
    role: &'static str,
    id: String,
}

impl CaseName {
    fn of(case: &CaseReport) -> Self {
        CaseName {
            role: case.role,
            id: case.id.to_string(),
        }
    }
}

/// The first case that did not pass, in the order that teaches: those that the sheet asks for, then
/// those about a real network. One that rests on another comes after it.
fn first_failure(report: &Report) -> Option<&CaseReport> {
    let cases: Vec<&CaseReport> = Question::ALL
        .into_iter()
        .flat_map(|question| report.answering(question))
        .collect();
    let failed = cases
        .iter()
        .find(|case| matches!(case.outcome, Outcome::Failed(_)));
    let open = || {
        cases
            .iter()
            .find(|case| !matches!(case.outcome, Outcome::Passed))
    };
    failed.or_else(open).copied()
}

/// What `--next` shows: one case, and how far the work had
/// come when all were played last; in the end what is left.
fn one_failure(report: &Report, next: Option<&CaseReport>, counts: Counts, color: bool) -> String {
    let name = &report.exercise;
    let (passed, total) = (counts.passed, counts.total());
    let Some(case) = next else {
        let left = report.remarks.iter().cloned().chain(left::next(report));
        let left: Vec<String> = left.map(|line| format!("\n{line}")).collect();
        return format!("{name}: every case passes ({total})\n{}", left.concat());
    };
    let shown = report::human::case(report, case, color);
    format!(
        "{name}: {passed} of {total} cases pass; the next one ({}):\n\n{shown}",
        case.role
    )
}

fn show(text: &str) -> anyhow::Result<()> {
    let text = text.trim_end_matches('\n');
    if io::stdout().is_terminal() {
        // The last result is not to be taken for this one: cleared, and from the top.
        say!("\x1b[2J\x1b[H{text}")
    } else {
        say!("{text}")
    }
}

/// How a check ended.
enum Done {
    /// By itself, with this result.
    Played(Box<Report>),
    /// A file changed, so its result would be about a program that is no more.
    Overtaken,
    /// It could not be played.
    NotPlayed(anyhow::Error),
}

/// Checks once, in a thread, while this one continues looking at the files.
fn checked(wanted: &Wanted, plan: &Plan, seen: &mut Seen, paths: &[PathBuf]) -> Done {
    let shared_report: SharedReport =
        Arc::new(Mutex::new(wanted.report(plan, &[], !plan.only.is_empty())));
    let over = AtomicBool::new(false);
    let (played, overtaken) = thread::scope(|scope| {
        let player = scope.spawn(|| {
            let played = play(wanted, plan, false, &shared_report);
            over.store(true, Ordering::SeqCst);
            played
        });
        let mut overtaken = false;
        while !over.load(Ordering::SeqCst) {
            thread::park_timeout(PERIOD);
            if !overtaken && has_changed(seen, paths) {
                overtaken = true;
                process::pause();
            }
        }
        let played = player
            .join()
            .unwrap_or_else(|_| Err(anyhow!("the check itself failed")));
        (played, overtaken)
    });
    process::sweep();
    if overtaken {
        process::go_on();
        return Done::Overtaken;
    }
    if let Err(error) = played {
        return Done::NotPlayed(error);
    }
    let report = lock(&shared_report).clone();
    Done::Played(Box::new(report))
}

/// The words of a command that are files, or folders.
fn files_in(command: &Template) -> Vec<PathBuf> {
    command
        .words()
        .iter()
        // --script=server.py names one as well.
        .flat_map(|word| {
            [
                word.as_str(),
                word.split_once('=').map_or("", |(_, path)| path),
            ]
        })
        .map(PathBuf::from)
        .filter(|path| path.is_file() || (path.is_dir() && path.components().count() > 0))
        .collect()
}

/// Each file, with what a change would change: its length, and when it was written.
type Seen = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// Looks at all files.
fn look(paths: &[PathBuf]) -> anyhow::Result<Seen> {
    let mut seen = Seen::new();
    for path in paths {
        walk(path, &mut seen)?;
    }
    Ok(seen)
}

fn walk(path: &Path, seen: &mut Seen) -> anyhow::Result<()> {
    // A file that is being replaced is missing for a moment: what is not there is not listed.
    let Ok(metadata) = fs::metadata(path) else {
        return Ok(());
    };
    if !metadata.is_dir() {
        seen.insert(
            path.to_path_buf(),
            (metadata.len(), metadata.modified().ok()),
        );
        if seen.len() > MOST_FILES {
            return Err(anyhow!("there are more than {MOST_FILES} files to watch"))
                .hint("--path takes the files of the program alone");
        }
        return Ok(());
    }
    let Ok(entries) = fs::read_dir(path) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        // A link may lead out of the folder, or around in a circle.
        if !name.starts_with('.') && !OTHERS.contains(&name.as_ref()) && !link {
            walk(&entry.path(), seen)?;
        }
    }
    Ok(())
}

/// Whether something has changed since it was last looked at.
/// An editor writes in steps: it is over when two looks agree.
fn has_changed(seen: &mut Seen, paths: &[PathBuf]) -> bool {
    let Ok(mut now) = look(paths) else {
        return false;
    };
    if now == *seen {
        return false;
    }
    loop {
        thread::sleep(PERIOD / 2);
        match look(paths) {
            // Missing for the moment between an editor's remove and rename.
            Ok(later) if later == now && !later.is_empty() => {
                *seen = later;
                return true;
            }
            Ok(later) => now = later,
            Err(_) => return false,
        }
    }
}

fn wait_for_a_change(seen: &mut Seen, paths: &[PathBuf]) {
    while !has_changed(seen, paths) {
        thread::sleep(PERIOD);
    }
}
