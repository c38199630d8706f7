//! `cargo lab grade`: a folder of submissions, each checked by its own process.
//!
//! One file, since it is one command.
//!
//! Each submission is checked by a separate `lab-check`. So a submission that hangs, floods, or
//! brings even the check down costs itself and nobody else, and every process that it leaves behind
//! has one place to which it is passed: its own check, which ends it (prctl(2),
//! PR_SET_CHILD_SUBREAPER).
//!
//! | module | holds |
//! |---|---|
//! | [`submissions`] | what was handed in: folders and archives, and the program in each |
//! | [`build`] | what has to be done before a submission runs |
//! | [`children`] | the checks' processes: heard to their end, ended at a signal |

mod build;
mod children;
mod submissions;

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
use lab_judge::report::{self, Format, index};
use lab_judge::run;
use labnet::{Hint, did_you_mean, lock, log, say};

use crate::check::absolute;
use crate::deliver::colors;
use crate::progress::Progress;
use crate::{signals, target, trace};
use build::Built;
use children::{Received, exit_code_of_signal, hear, is_stopped, stop};
use submissions::{Opened, Submission};

/// How long a check may take beyond its limit, to end its
/// programs and write its result, before it is stopped.
const GRACE: Duration = Duration::from_secs(20);
/// The page that leads to each submission's.
const INDEX: &str = "index.html";

/// Judges a folder of submissions: a table, a CSV file, and a result for each.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "grade",
    help_triggers("-h", "--help"),
    example = "cargo lab grade submissions --exercise {{exercise}} --server \"python3 {{dir}}/server.py --port {{port}}\"",
    example = "cargo lab grade submissions --exercise {{exercise}} --client \"node {{dir}}/client.js {{port}} {{message}}\" --points 10",
    example = "cargo lab grade submissions --exercise {{exercise}} --server \"{{dir}}/run.sh {{port}}\" --weight {{case}}=3",
    example = "cargo lab grade submissions --exercise {{exercise}} --build \"javac {{file}}\" --server \"java {{name}} {{port}}\" --only anna",
    note = "Each folder and each zip archive in the given folder is a submission; the programs run in it, and {{dir}} stands for it. \
            {{file}} is the one program in it, or the one whose name has the word server or client in it; {{name}} is that without its ending. \
            A case that passes earns its points; one that fails, is skipped, or stays undecided earns none.\n\n\
            This is not a sandbox: the programs run with your rights.",
    error_code(
        0,
        "every submission does what the sheet asks; with --strict: passes every case"
    ),
    error_code(1, "some do not"),
    error_code(2, "none failed, but not every case could be decided"),
    error_code(
        3,
        "some could not be checked, or the grading itself could not be done"
    ),
    error_code(130, "stopped by Ctrl-C; 129 by SIGHUP, 143 by SIGTERM")
)]
pub struct Grade {
    /// the folder whose folders and zip archives are the submissions
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
    /// what to run in each submission's folder before it is checked, such as a compiler
    #[argh(option)]
    build: Option<String>,
    /// where the results go (default grades-EXERCISE): grades.csv, and for each submission
    /// NAME.json, and NAME.txt for its author
    #[argh(option)]
    out: Option<PathBuf>,
    /// one more form of each submission's result: human, html,
    /// junit, tap, gradescope or classroom50; may be given again
    #[argh(option, from_str_fn(Format::parse))]
    format: Vec<Format>,
    /// grade only this submission again, and keep what is known of the others; may be given again
    #[argh(option, arg_name = "name")]
    only: Vec<String>,
    /// only these cases; may be given again
    #[argh(option)]
    case: Vec<String>,
    /// what a case counts in the score, as CASE=POINTS (cargo lab check EXERCISE --list --format
    /// json shows the default); may be given again
    #[argh(option, arg_name = "case=points", from_str_fn(target::weight))]
    weight: Vec<(String, u32)>,
    /// a file with what cases count, CASE=POINTS in each line; --weight goes before it
    #[argh(option, arg_name = "file")]
    weights: Option<PathBuf>,
    /// let the second question count as well: would it survive a real network?
    #[argh(switch)]
    strict: bool,
    /// how many points all cases that count together stand for; adds a column
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
    /// submissions at a time (default: twice the processors)
    #[argh(option, default = "run::default_jobs()")]
    jobs: usize,
    /// draw each case that fails: a page for each submission, NAME.html, and index.html, which
    /// leads to them
    #[argh(switch)]
    trace: bool,
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
        self.weight = target::weights(self.weights.as_deref(), &self.weight)?;
        let weighed = self.weight.iter().map(|(case, _)| case);
        target::cases_exist(exercise, &sides, self.case.iter().chain(weighed))?;
        let mut one_port = false;
        for (_, command) in &sides {
            let own = ["rust", "python"].contains(&command.as_str());
            // Each submission's file is there later; the check knows no such place.
            let command = command.replace("{file}", "FILE").replace("{name}", "NAME");
            one_port |= !own && !Template::parse(&command)?.has("port");
        }
        if one_port && self.jobs > 1 && (self.shared_network || !lab_netns::available()) {
            log!(
                "the command has no {{port}}: the submissions share the sheet's, one after another"
            );
            self.jobs = 1;
        }
        self.format
            .retain(|format| ![Format::Json, Format::Student].contains(format));
        self.format.push(Format::Student);
        if self.trace {
            self.format.retain(|format| *format != Format::Html);
            self.format.push(Format::Html);
            // Once, and not by every submission's check. One that finds no tracer says why.
            let _said_in_each_page = trace::tracer();
        }

        let folder = absolute(&self.folder)?;
        let submissions = submissions::all(&folder)?;
        self.are_there(&submissions)?;
        let out = results_folder(&self.out, exercise.name, &folder)?;
        process::prepare().context("cannot become the reaper of orphans")?;
        let desk = Desk::default();
        signals::on_stop(stop)?;
        let code = self.grade(&submissions, &out, &desk)?;
        process::sweep();
        Ok(code)
    }

    /// The submissions that are to be graded again have to be there.
    fn are_there(&self, submissions: &[Submission]) -> anyhow::Result<()> {
        for name in &self.only {
            if !submissions.iter().any(|one| one.name == *name) {
                let names = submissions.iter().map(|one| one.name.as_str());
                let hint = did_you_mean(
                    name,
                    names,
                    "--only takes the name of a folder or of a zip archive, and --case that of a case",
                );
                return Err(anyhow!("there is no submission {name}")).hint(hint);
            }
        }
        Ok(())
    }

    fn grade(&self, submissions: &[Submission], out: &Path, desk: &Desk) -> anyhow::Result<u8> {
        let begin = Instant::now();
        let next = AtomicUsize::new(0);
        let chosen: Vec<&Submission> = submissions
            .iter()
            .filter(|one| self.only.is_empty() || self.only.contains(&one.name))
            .collect();
        let progress = Progress::new(chosen.len(), &self.exercise);
        thread::scope(|scope| {
            for _ in 0..self.jobs.clamp(1, chosen.len()) {
                scope.spawn(|| {
                    while let Some(one) = chosen.get(next.fetch_add(1, Ordering::SeqCst)) {
                        let row = self.one(one, out, desk);
                        progress.done(&row.name);
                        desk.rows().insert(one.name.clone(), row);
                    }
                });
            }
        });
        drop(progress);

        let rows: Vec<Row> = {
            let mut known = desk.rows();
            submissions
                .iter()
                .map(|one| match known.remove(&one.name) {
                    Some(row) => row,
                    None => earlier(&one.name, out),
                })
                .collect()
        };
        let file = out.join("grades.csv");
        let mut written = csv(&rows, self.points).and_then(|text| report::write(&file, &text));
        if self.trace {
            let page = |name: &str| result_file(out, name, Format::Html).exists();
            let text = index::page(&self.exercise, &rows, self.points, page);
            written = written.and(report::write(&out.join(INDEX), &text));
        }
        desk.look_after(&[]);
        say!(
            "{}",
            table(&rows, self.points, begin.elapsed(), colors()).trim_end()
        )?;
        for remark in desk.remarks().iter() {
            say!("note: {remark}")?;
        }
        say!(
            "\n{}: the table; next to it a file for each submission",
            shown(&file).display()
        )?;
        if self.trace {
            say!("{}: the pages", shown(&out.join(INDEX)).display())?;
        }
        written?;
        Ok(match exit_code_of_signal() {
            0 => rows.iter().map(Row::exit_code).fold(0, worst_of),
            code => u8::try_from(code).unwrap_or(3),
        })
    }

    /// Checks one submission.
    fn one(&self, submission: &Submission, out: &Path, desk: &Desk) -> Row {
        let name = &submission.name;
        if is_stopped() {
            return Row::new(name, Verdict::NotChecked);
        }
        let begin = Instant::now();
        desk.running().push(name.clone());
        // What this submission's check wrote is its own
        // doing; whatever else has changed by now is not.
        let mut written = Vec::new();
        let checked = self.checked(submission, out, &mut written);
        let mut row = checked.unwrap_or_else(|error| {
            let mut why = format!("{error:#}");
            let text = format!("There is no score: {why}.\n");
            if let Err(error) = self.tell_author(name, &text, out, &mut written) {
                why.push_str(&format!("; and its author cannot be told: {error:#}"));
            }
            Row::new(name, Verdict::Trouble(why))
        });
        row.elapsed = begin.elapsed();
        desk.look_after(&written);
        desk.running().retain(|running| running != name);
        row
    }

    /// Opens a submission, builds it, and checks it.
    fn checked(
        &self,
        submission: &Submission,
        out: &Path,
        written: &mut Vec<PathBuf>,
    ) -> anyhow::Result<Row> {
        let name = &submission.name;
        let Opened { folder, .. } = &submission.open()?;
        let (builds, sides) = self.commands(folder)?;
        for command in builds {
            let Built::Failed(said) = build::build(&command, folder)? else {
                continue;
            };
            let score = self
                .points
                .map_or("0".to_string(), |of| format!("0 of {of}"));
            let text = format!(
                "Score: {score}\n\nFix this first: the program does not build.\n\n{said}\n"
            );
            self.tell_author(name, &text, out, written)?;
            return Ok(Row::new(name, Verdict::NotBuilt));
        }
        let files: Vec<(Format, PathBuf)> = self
            .format
            .iter()
            .map(|format| (*format, result_file(out, name, *format)))
            .collect();
        let received = self.check(name, folder, &sides, &files)?;
        let (result, text) = received.result()?;
        written.extend(files.into_iter().map(|(_, path)| path));
        let json = result_file(out, name, Format::Json);
        report::write(&json, &text)?;
        written.push(json);
        Ok(Row::of(name, &result))
    }

    /// Writes the author's file of a submission that has no result.
    fn tell_author(
        &self,
        name: &str,
        text: &str,
        out: &Path,
        written: &mut Vec<PathBuf>,
    ) -> anyhow::Result<()> {
        let path = result_file(out, name, Format::Student);
        report::write(&path, &format!("{}: {name}\n{text}", self.exercise))?;
        written.push(path);
        Ok(())
    }

    /// What builds a submission, each command once, and the command of each side.
    fn commands(&self, folder: &Path) -> anyhow::Result<(Vec<String>, Vec<SideCommand>)> {
        let (mut builds, mut sides) = (Vec::new(), Vec::new());
        for (side, check) in [
            ("server", &self.server),
            ("client", &self.client),
            ("program", &self.program),
        ] {
            let Some(check) = check else { continue };
            let build = self.build.as_deref();
            let given: Vec<&str> = build.into_iter().chain([check.as_str()]).collect();
            let mut filled = build::with_file(&given, folder, side)?;
            sides.extend(filled.pop().map(|check| (side, check)));
            filled.retain(|build| !builds.contains(build));
            builds.append(&mut filled);
        }
        Ok((builds, sides))
    }

    fn check(
        &self,
        name: &str,
        folder: &Path,
        sides: &[SideCommand],
        files: &[(Format, PathBuf)],
    ) -> anyhow::Result<Received> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command.args(["check", &self.exercise, "--format", "json", "--in"]);
        command.arg(folder).args(["--name", name]);
        for (side, text) in sides {
            command.args([&format!("--{side}"), text]);
        }
        for case in &self.case {
            command.args(["--only", case]);
        }
        if self.strict {
            command.arg("--strict");
        }
        if let Some(points) = self.points {
            command.args(["--points", &points.to_string()]);
        }
        for (case, points) in &self.weight {
            command.args(["--weight", &format!("{case}={points}")]);
        }
        if self.shared_network {
            command.arg("--shared-network");
        }
        let mut limit = self.limit;
        if self.trace {
            command.arg("--trace");
            // The cases that fail are played once more.
            limit *= 2;
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
        hear(&mut command, limit + GRACE)
    }
}

/// A side, and the command that starts its program.
type SideCommand = (&'static str, String);

/// The file of a submission's result in a format.
fn result_file(out: &Path, name: &str, format: Format) -> PathBuf {
    out.join(format!("{name}.{}", format.extension()))
}

/// What is known of a submission that was not graded this time: its result of an earlier time.
fn earlier(name: &str, out: &Path) -> Row {
    let result = fs::read_to_string(result_file(out, name, Format::Json))
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok());
    match result {
        Some(result) if !is_stopped() => Row::of(name, &result),
        _ => Row::new(name, Verdict::NotChecked),
    }
}

/// Where the results go: not among the submissions,
/// where a program would find them in its own folder.
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

/// What is known while the grading continues.
#[derive(Default)]
struct Desk {
    rows: Mutex<BTreeMap<String, Row>>,
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
    fn rows(&self) -> MutexGuard<'_, BTreeMap<String, Row>> {
        lock(&self.rows)
    }
    fn running(&self) -> MutexGuard<'_, Vec<String>> {
        lock(&self.running)
    }
    fn remarks(&self) -> MutexGuard<'_, Vec<String>> {
        lock(&self.remarks)
    }

    /// Takes down what has just been written, and looks whether every other
    /// result is still as it was: programs under test have the rights to
    /// write there. One that was changed is written again, and said.
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
