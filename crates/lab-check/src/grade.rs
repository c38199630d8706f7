//! `cargo lab grade`: a folder of submissions, each checked by a process of its own.
//!
//! Each submission is checked by a `lab-check` of its own. So a submission that hangs, floods, or brings even the check down costs
//! itself and nobody else, and every process that it leaves behind has one place to which it is passed: its own check, which
//! ends it (prctl(2), PR_SET_CHILD_SUBREAPER).
//!
//! | module | holds |
//! |---|---|
//! | [`children`] | the checks' processes: heard to their end, ended at a signal |

mod children;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use lab_judge::command::Template;
use lab_judge::process;
use lab_judge::report::grades::{Row, Verdict, csv, table};
use lab_judge::report::{self, Format};
use labnet::{Hint, lock, log, say};

use crate::check::absolute;
use crate::deliver::colors;
use crate::progress::Progress;
use crate::{signals, target};
use children::{Received, exit_code_of_signal, hear, is_stopped, stop};

/// How long a check may take beyond its limit, to end its programs and write its result, before it is stopped.
const GRACE: Duration = Duration::from_secs(20);

/// Judges a folder of submissions: a table, a CSV file, and a result for each.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "grade",
    help_triggers("-h", "--help"),
    example = "cargo lab grade submissions --exercise {{exercise}} --server \"python3 {{dir}}/server.py --port {{port}}\"",
    example = "cargo lab grade submissions --exercise {{exercise}} --client \"node {{dir}}/client.js {{port}} {{message}}\" --points 10",
    example = "cargo lab grade submissions --exercise {{exercise}} --server \"{{dir}}/run.sh {{port}}\" --weight {{case}}=3",
    note = "Each folder in the given one is a submission; the programs run in it, and {{dir}} stands for it. A case that passes earns its \
            points, by default 1; one that fails, is skipped, or stays undecided earns none.\n\n\
            This is no sandbox: the programs run with your rights.",
    error_code(0, "every submission passed every case"),
    error_code(1, "some failed"),
    error_code(2, "nothing failed, but not every case could be decided"),
    error_code(
        3,
        "some could not be checked, or the grading itself could not be done"
    ),
    error_code(130, "stopped by Ctrl-C; 129 by SIGHUP, 143 by SIGTERM")
)]
pub struct Grade {
    /// the folder whose folders are the submissions
    #[argh(positional)]
    folder: PathBuf,
    /// the exercise, as cargo lab list names it
    #[argh(option)]
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
    /// where the results go (default grades-EXERCISE): grades.csv, and for each submission NAME.json and NAME.txt
    #[argh(option)]
    out: Option<PathBuf>,
    /// the form of each submission's result besides JSON: human (default), junit, tap, gradescope or classroom50; may be given again
    #[argh(option, from_str_fn(Format::parse))]
    format: Vec<Format>,
    /// only these cases; may be given again
    #[argh(option)]
    only: Vec<String>,
    /// what a case counts in the score, as CASE=POINTS (default 1); may be given again
    #[argh(option, arg_name = "case=points", from_str_fn(target::weight))]
    weight: Vec<(String, u32)>,
    /// how many points all cases together stand for; adds a column
    #[argh(option)]
    points: Option<u32>,
    /// what is random follows from this number (default 1)
    #[argh(option, default = "1")]
    seed: u64,
    /// seconds that a step may take (default 5)
    #[argh(option, default = "target::PATIENCE", from_str_fn(labnet::seconds))]
    patience: Duration,
    /// seconds that each submission may take (default 60)
    #[argh(
        option,
        default = "Duration::from_secs(60)",
        from_str_fn(labnet::seconds)
    )]
    limit: Duration,
    /// submissions at a time (default: the processors)
    #[argh(
        option,
        default = "thread::available_parallelism().map_or(2, usize::from)"
    )]
    jobs: usize,
    /// use this machine's network where each case could have its own (Linux)
    #[argh(switch)]
    shared_network: bool,
}

impl Grade {
    /// Grades, and gives the exit code.
    ///
    /// # Errors
    ///
    /// When the grading cannot be done.
    pub fn run(mut self) -> anyhow::Result<u8> {
        let commands = [&self.server, &self.client, &self.program];
        if commands.iter().all(|command| command.is_none()) {
            return Err(anyhow!("grade needs the command of what is to be checked"))
                .hint("--server \"python3 {dir}/server.py --port {port}\", --client or --program");
        }
        target::get_networks(self.shared_network, commands);
        let (exercise, sides) = target::sides(&self.exercise, commands)?;
        let weighed = self.weight.iter().map(|(case, _)| case);
        target::cases_exist(exercise, &sides, self.only.iter().chain(weighed))?;
        let mut one_port = false;
        for (_, command) in &sides {
            let own = ["rust", "python"].contains(&command.as_str());
            one_port |= !own && !Template::parse(command)?.has("port");
        }
        if one_port && self.jobs > 1 && (self.shared_network || !lab_netns::available()) {
            log!(
                "the command has no {{port}}: the submissions share the sheet's, one after another"
            );
            self.jobs = 1;
        }
        if self.format.is_empty() {
            self.format.push(Format::Human);
        }
        self.format.retain(|format| *format != Format::Json);

        let folder = absolute(&self.folder)?;
        let submissions = submissions(&folder)?;
        let out = results_folder(&self.out, exercise.name, &folder)?;
        process::prepare().context("cannot become the reaper of orphans")?;
        let desk = Desk::default();
        signals::on_stop(stop)?;
        let code = self.grade(&submissions, &out, &desk)?;
        process::sweep();
        Ok(code)
    }

    fn grade(&self, submissions: &[PathBuf], out: &Path, desk: &Desk) -> anyhow::Result<u8> {
        let begin = Instant::now();
        let next = AtomicUsize::new(0);
        let progress = Progress::new(submissions.len(), &self.exercise);
        thread::scope(|scope| {
            for _ in 0..self.jobs.clamp(1, submissions.len()) {
                scope.spawn(|| {
                    while let Some(folder) = submissions.get(next.fetch_add(1, Ordering::SeqCst)) {
                        let row = self.one(folder, out, desk);
                        progress.done(&row.name);
                        desk.rows().insert(folder.clone(), row);
                    }
                });
            }
        });
        drop(progress);

        let rows: Vec<Row> = {
            let mut known = desk.rows();
            let missing = |folder: &PathBuf| Row::new(&name_of(folder), Verdict::NotChecked);
            submissions
                .iter()
                .map(|folder| known.remove(folder).unwrap_or_else(|| missing(folder)))
                .collect()
        };
        let file = out.join("grades.csv");
        let written = csv(&rows, self.points).and_then(|text| report::write(&file, &text));
        desk.look_after(&[]);
        say!(
            "{}",
            table(&rows, self.points, begin.elapsed(), colors()).trim_end()
        )?;
        for remark in desk.remarks().iter() {
            say!("note: {remark}")?;
        }
        say!(
            "\n{}: the table; beside it a file for each submission",
            shown(&file).display()
        )?;
        written?;
        Ok(match exit_code_of_signal() {
            0 => rows.iter().map(Row::exit_code).fold(0, worst_of),
            code => u8::try_from(code).unwrap_or(3),
        })
    }

    /// Checks one submission.
    fn one(&self, folder: &Path, out: &Path, desk: &Desk) -> Row {
        let name = name_of(folder);
        if is_stopped() {
            return Row::new(&name, Verdict::NotChecked);
        }
        let begin = Instant::now();
        let json = out.join(format!("{name}.json"));
        let files: Vec<(Format, PathBuf)> = self
            .format
            .iter()
            .map(|format| (*format, out.join(format!("{name}.{}", format.extension()))))
            .collect();
        desk.running().push(name.clone());
        let received = self.check(folder, &files);
        // What this submission's check wrote is its own doing; whatever else has changed by now is not.
        let mut written = Vec::new();
        let mut row = match received.and_then(Received::result) {
            Ok((result, text)) => {
                written.extend(files.into_iter().map(|(_, path)| path));
                match report::write(&json, &text) {
                    Ok(()) => {
                        written.push(json);
                        Row::of(&name, &result)
                    }
                    Err(error) => Row::new(&name, Verdict::Trouble(format!("{error:#}"))),
                }
            }
            Err(error) => Row::new(&name, Verdict::Trouble(format!("{error:#}"))),
        };
        row.elapsed = begin.elapsed();
        desk.look_after(&written);
        desk.running().retain(|running| *running != name);
        row
    }

    fn check(&self, folder: &Path, files: &[(Format, PathBuf)]) -> anyhow::Result<Received> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command.args(["check", &self.exercise, "--format", "json", "--in"]);
        command.arg(folder);
        for (option, text) in [
            ("--server", &self.server),
            ("--client", &self.client),
            ("--program", &self.program),
        ] {
            if let Some(text) = text {
                command.args([option, text]);
            }
        }
        for only in &self.only {
            command.args(["--only", only]);
        }
        for (case, points) in &self.weight {
            command.args(["--weight", &format!("{case}={points}")]);
        }
        if self.shared_network {
            command.arg("--shared-network");
        }
        command.args(["--seed", &self.seed.to_string()]);
        command.args(["--patience", &self.patience.as_secs_f64().to_string()]);
        command.args(["--limit", &self.limit.as_secs_f64().to_string()]);
        for (format, path) in files {
            // Not shown as text: a path need not be UTF-8.
            let mut save = std::ffi::OsString::from(format!("{}=", format.name()));
            save.push(path);
            command.arg("--save").arg(save);
        }
        hear(&mut command, self.limit + GRACE)
    }
}

/// The folders in a folder, by name. Hidden ones are none of a student's.
fn submissions(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)
        .with_context(|| format!("cannot list the folder {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry
            .with_context(|| format!("cannot list the folder {}", folder.display()))?
            .path();
        if path.is_dir() && !name_of(&path).starts_with('.') {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(anyhow!("{} holds no folders", folder.display())).hint(
            "each submission is a folder: submissions/anna/server.py, submissions/ben/server.py",
        );
    }
    Ok(found)
}

fn name_of(folder: &Path) -> String {
    folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Where the results go: not among the submissions, where a program would find them in its own folder.
fn results_folder(
    given: &Option<PathBuf>,
    exercise: &str,
    submissions: &Path,
) -> anyhow::Result<PathBuf> {
    let out = given
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("grades-{exercise}")));
    fs::create_dir_all(&out)
        .with_context(|| format!("cannot make the folder {} for the results", out.display()))
        .hint("--out FOLDER chooses another")?;
    let out = absolute(&out)?;
    if out.starts_with(submissions) {
        return Err(anyhow!(
            "the results would go to {}, among the submissions",
            out.display()
        ))
        .hint(
            "--out FOLDER chooses another: a program must not find the results in its own folder",
        );
    }
    Ok(out)
}

/// A path as its user would write it: from the current folder on, where it is below that.
fn shown(path: &Path) -> PathBuf {
    std::env::current_dir()
        .ok()
        .and_then(|here| path.strip_prefix(here).ok().map(Path::to_path_buf))
        .unwrap_or_else(|| path.to_path_buf())
}

/// What is known while the grading goes on.
#[derive(Default)]
struct Desk {
    rows: Mutex<BTreeMap<PathBuf, Row>>,
    running: Mutex<Vec<String>>,
    /// Every result file that has been written, with what is in it.
    files: Mutex<BTreeMap<PathBuf, Kept>>,
    remarks: Mutex<Vec<String>>,
}

/// A result file as it has to be.
struct Kept {
    text: Vec<u8>,
    modified: Option<SystemTime>,
}

impl Desk {
    fn rows(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Row>> {
        lock(&self.rows)
    }
    fn running(&self) -> MutexGuard<'_, Vec<String>> {
        lock(&self.running)
    }
    fn remarks(&self) -> MutexGuard<'_, Vec<String>> {
        lock(&self.remarks)
    }

    /// Takes down what has just been written, and looks whether every other result is still as it was: programs under test have the rights
    /// to write there. One that was changed is written again, and said.
    fn look_after(&self, written: &[PathBuf]) {
        let mut files = lock(&self.files);
        for (path, kept) in files.iter_mut() {
            let modified = modified(path);
            if modified == kept.modified {
                continue;
            }
            if fs::read(path).ok().as_ref() != Some(&kept.text) {
                let by = self.running().join(", ");
                let put_back = report::write(path, &String::from_utf8_lossy(&kept.text))
                    .map_or_else(
                        |error| format!("and that cannot be put right: {error:#}"),
                        |()| "and was put right".to_string(),
                    );
                self.remarks().push(format!(
                    "{} was changed while {} ran, {put_back}",
                    shown(path).display(),
                    if by.is_empty() { "the last" } else { &by }
                ));
            }
            kept.modified = self::modified(path);
        }
        for path in written {
            if let Ok(text) = fs::read(path) {
                let modified = modified(path);
                files.insert(path.clone(), Kept { text, modified });
            }
        }
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
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
