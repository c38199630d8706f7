//! The gallery of `cargo lab check`: every wrong answer fails exactly the cases that it should,
//! with the diagnosis that it should; every right answer passes all; every case that the gallery
//! covers fails some wrong answer.
//! One file, since it is one table: its rows, and how one is played.
//!
//! The first lines of a gallery file say what it is, and which cases it has to fail. The same facts
//! make the matrix in the README of the exercise's folder; `LAB_UPDATE=1 cargo test -p lab-check
//! --test check-matrix` writes it again.
//!
//! For a wrong answer only the cases that it has to fail are played, for a right one those that the
//! sheet asks for; our own programs and their twins meet all. With `-- --include-ignored` every
//! answer meets every case of its side.

#[path = "python/mod.rs"]
mod python;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use serde_json::Value;

/// How long the check waits for a step of a gallery program, in seconds: wrong answers use it up.
const PATIENCE: &str = "3";

/// A gallery file, as its first lines describe it.
#[derive(Debug, Clone)]
struct Entry {
    file: PathBuf,
    exercise: String,
    name: String,
    /// What it does, in a sentence or two.
    about: String,
    /// The words after `cargo lab check`.
    check: String,
    fails: Expected,
}

/// Which cases a program fails, with which misconception.
#[derive(Debug, Clone, Default)]
struct Expected {
    must: BTreeMap<String, String>,
    /// Those that depend on timing.
    may: BTreeMap<String, String>,
}

/// A side of an exercise: `sum`, `server`.
type Side = (String, String);

/// A case of a side.
#[derive(Debug)]
struct Case {
    id: String,
    /// Whether the sheet asks for it.
    of_sheet: bool,
}

/// The check, and what it lists.
struct Tool {
    binary: PathBuf,
    sides: BTreeMap<Side, Vec<Case>>,
    /// The search path of what it starts.
    path: OsString,
}

fn main() -> ExitCode {
    // A hand-out has no gallery, so there is nothing to play.
    if !workspace().join("crates/lab-check/gallery").exists() {
        return ExitCode::SUCCESS;
    }
    let mut arguments = Arguments::from_args();
    let tool = Arc::new(Tool::new());
    let entries = Arc::new(gallery());
    let (mut trials, mut known) = (Vec::new(), BTreeMap::new());
    for entry in entries.iter() {
        let name = format!("{}/{}", entry.exercise, entry.name);
        if let Some(missing) = missing_tool(entry, &mut known) {
            trials.push(ignored(&name, missing));
            continue;
        }
        let (of, tools) = (entry.clone(), Arc::clone(&tool));
        if entry.name.starts_with("sheet-") {
            let name = format!("{name}: does all that the sheet asks");
            trials.push(Trial::test(name, move || {
                plays_out(&tools, &of, &[], Judged::BySheet)
            }));
            continue;
        }
        let only = played_first(&tool, entry);
        let not_all = !only.is_empty();
        trials.push(Trial::test(name.clone(), move || {
            plays_out(&tools, &of, &only, Judged::Strictly)
        }));
        if not_all {
            let (of, tools) = (entry.clone(), Arc::clone(&tool));
            let every = Trial::test(format!("{name}: every case"), move || {
                plays_out(&tools, &of, &[], Judged::Strictly)
            });
            trials.push(every.with_ignored_flag(true));
        }
    }
    // Our own programs: for every side that the tool lists, so that none is forgotten.
    let (socket, autobahn) = (imports("socket"), imports("autobahn"));
    for (exercise, side) in tool.sides.keys() {
        for (ours, what) in [("rust", "our own program"), ("python", "the twin")] {
            let name = format!("{exercise} --{side}: {what} passes all cases");
            // The middleware's twins speak through a library, which not every machine has.
            let (module, there) = match exercise.as_str() {
                name if name.ends_with("-middleware") => ("autobahn", autobahn),
                _ => ("socket", socket),
            };
            if ours == "python" && !there {
                trials.push(ignored(&name, module));
                continue;
            }
            let (tool, exercise, side) = (Arc::clone(&tool), exercise.clone(), side.clone());
            trials.push(Trial::test(name, move || {
                let nothing = Expected::default();
                judged(
                    &tool,
                    &exercise,
                    &side,
                    ours,
                    &nothing,
                    &[],
                    Judged::Strictly,
                )
            }));
        }
    }
    let (all, tools) = (Arc::clone(&entries), Arc::clone(&tool));
    trials.push(Trial::test(
        "every side that can be checked has a gallery with a right answer",
        move || no_side_without(&tools, &all),
    ));
    let (all, tools) = (Arc::clone(&entries), Arc::clone(&tool));
    trials.push(Trial::test(
        "every case that a gallery covers fails a wrong answer",
        move || covered(&tools, &all),
    ));
    trials.push(Trial::test(
        "the matrix of each exercise is up to date",
        move || fresh(&entries),
    ));
    // Most of the time is spent waiting for programs that hang.
    arguments.test_threads.get_or_insert(8);
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The cases that an answer meets at least.
fn played_first(tool: &Tool, entry: &Entry) -> Vec<String> {
    if !entry.fails.must.is_empty() {
        return entry.fails.must.keys().cloned().collect();
    }
    let cases = tool.sides[&side(entry)].iter();
    let of_sheet = cases.filter(|case| case.of_sheet);
    of_sheet.map(|case| case.id.clone()).collect()
}

/// Shown as ignored, with the reason, also under `--include-ignored`: never as passed.
fn ignored(name: &str, missing: &str) -> Trial {
    let reason = format!("{missing} is not installed");
    let shown = format!("{name} ({reason})");
    Trial::ignorable_test(shown, move || Ok(Completion::ignored_with(&reason)))
}

impl Tool {
    fn new() -> Self {
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_lab-check"));
        let list = |words: &[&str]| {
            let output = Command::new(&binary)
                .arg("check")
                .args(words)
                .current_dir(workspace())
                .output()
                .expect("the check has been built");
            String::from_utf8(output.stdout).expect("the list is text")
        };
        let mut sides = BTreeMap::new();
        for line in list(&[]).lines() {
            let mut words = line.split_whitespace();
            let (Some(exercise), Some(option)) = (words.next(), words.next()) else {
                continue;
            };
            let side = option.strip_prefix("--").expect(line);
            let cases = list(&[exercise, option, "unused", "--list", "--format", "json"]);
            let cases: Vec<Value> = serde_json::from_str(&cases).expect("the list is JSON");
            let case = |case: &Value| Case {
                id: case["id"].as_str().expect("a name").to_string(),
                of_sheet: case["question"] == "sheet",
            };
            let cases = cases.iter().map(case);
            sides.insert((exercise.to_string(), side.to_string()), cases.collect());
        }
        let path = python::search_path();
        Tool {
            binary,
            sides,
            path,
        }
    }
}

/// The workspace's root.
fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("crates/lab-check stands in the workspace")
}

fn gallery() -> Vec<Entry> {
    let folder = workspace().join("crates/lab-check/gallery");
    let mut entries = Vec::new();
    for exercise in fs::read_dir(folder).expect("the gallery is there") {
        let exercise = exercise.expect("it can be listed").path();
        if !exercise.is_dir() {
            continue;
        }
        for file in fs::read_dir(&exercise).expect("it can be listed") {
            let file = file.expect("it can be listed").path();
            if file.is_file() && file.extension().is_some_and(|extension| extension != "md") {
                entries.push(entry(&file));
            }
        }
    }
    entries.sort_by_key(|entry| (entry.exercise.clone(), entry.name.clone()));
    entries
}

fn entry(file: &Path) -> Entry {
    let text = fs::read_to_string(file).expect("a gallery file is text");
    let comment = |line: &str| {
        let line = line
            .strip_prefix("# ")
            .or_else(|| line.strip_prefix("// "))?;
        Some(line.to_string())
    };
    let head: Vec<String> = text.lines().map_while(comment).collect();
    let mut entry = Entry {
        file: file.to_path_buf(),
        exercise: name_of(file.parent().expect("a folder for each exercise")),
        name: name_of(file),
        about: String::new(),
        check: String::new(),
        fails: Expected::default(),
    };
    for line in head {
        let failure = |mark| {
            let (case, misconception) = line.strip_prefix(mark)?.split_once(' ')?;
            Some((case.to_string(), misconception.to_string()))
        };
        if let Some(check) = line.strip_prefix("check: ") {
            entry.check = check.to_string();
        } else if let Some((case, misconception)) = failure("fails: ") {
            entry.fails.must.insert(case, misconception);
        } else if let Some((case, misconception)) = failure("may fail: ") {
            entry.fails.may.insert(case, misconception);
        } else if entry.check.is_empty() {
            entry.about = [entry.about.as_str(), &line].join(" ").trim().to_string();
        }
    }
    assert!(
        !entry.check.is_empty(),
        "{} does not say how it is checked",
        file.display()
    );
    entry
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// What a file needs to run and this machine does not have, with what is known by now.
fn missing_tool(entry: &Entry, known: &mut BTreeMap<&'static str, bool>) -> Option<&'static str> {
    let tool = match entry.file.extension()?.to_str()? {
        "py" => "python3",
        "js" => "node",
        "c" => "cc",
        "java" => "javac",
        "rs" => "rustc",
        other => panic!("{}: nobody knows how to run .{other}", entry.file.display()),
    };
    let there = *known.entry(tool).or_insert_with(|| installed(tool));
    (!there).then_some(tool)
}

fn imports(module: &str) -> bool {
    let found = Command::new("python3")
        .args(["-c", &format!("import {module}")])
        .stderr(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

fn installed(tool: &str) -> bool {
    let found = Command::new(tool)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

/// A new exercise is not forgotten: each of its sides
/// needs programs that show what its check finds.
fn no_side_without(tool: &Tool, entries: &[Entry]) -> Result<(), Failed> {
    let right: BTreeSet<Side> = entries
        .iter()
        .filter(|entry| entry.fails.must.is_empty())
        .map(side)
        .collect();
    let missing: Vec<String> = tool
        .sides
        .keys()
        .filter(|side| !right.contains(*side))
        .map(|(exercise, side)| format!("{exercise} --{side}"))
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("no right answer in the gallery: {}", missing.join(", ")).into()),
    }
}

/// The file that stands for `{file}`: the source, or the program compiled from it.
fn compiled(entry: &Entry) -> Result<PathBuf, Failed> {
    let name = format!("{}-{}", entry.exercise, entry.name.replace('.', "-"));
    // Two rows play the same program. It is compiled once: a
    // file that is written to cannot be started (ETXTBSY).
    let once = Arc::clone(labnet::lock(&COMPILED).entry(name.clone()).or_default());
    let done = once.get_or_init(|| {
        compile(entry, &name).map_err(|error| error.message().unwrap_or_default().to_string())
    });
    done.clone().map_err(Failed::from)
}

/// A program that has been compiled, or what the compiler says.
type Compiled = OnceLock<Result<PathBuf, String>>;

/// What has been compiled, by its name.
static COMPILED: Mutex<BTreeMap<String, Arc<Compiled>>> = Mutex::new(BTreeMap::new());

fn compile(entry: &Entry, name: &str) -> Result<PathBuf, Failed> {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let extension = entry
        .file
        .extension()
        .and_then(|extension| extension.to_str());
    let mut command = match extension {
        Some("c") => {
            let mut command = Command::new("cc");
            command.args(["-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror"]);
            command
        }
        Some("rs") => {
            let mut command = Command::new("rustc");
            command.args(["--edition", "2024", "-O"]);
            command
        }
        // A folder of classes, for java -cp.
        Some("java") => {
            let mut command = Command::new("javac");
            command.args(["-Xlint:all", "-Werror", "-d"]);
            command.arg(&out).arg(&entry.file);
            return run_compiler(command).map(|()| out);
        }
        _ => return Ok(entry.file.clone()),
    };
    command.arg("-o").arg(&out).arg(&entry.file);
    run_compiler(command).map(|()| out)
}

fn run_compiler(mut command: Command) -> Result<(), Failed> {
    let output = command.output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
    }
}

/// What the exit code follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judged {
    /// Both questions.
    Strictly,
    /// What the sheet asks: that has to pass, whatever a real network breaks.
    BySheet,
}

/// Runs the check of a gallery program, and compares what failed with what has to fail.
fn plays_out(tool: &Tool, entry: &Entry, only: &[String], by: Judged) -> Result<(), Failed> {
    let file = compiled(entry)?;
    let line = entry.check.replace("{file}", &file.to_string_lossy());
    let command = line
        .splitn(3, ' ')
        .nth(2)
        .ok_or("check: EXERCISE --side \"command\"")?;
    let (exercise, side) = side(entry);
    let command = command.trim_matches('"');
    judged(tool, &exercise, &side, command, &entry.fails, only, by)
}

/// Runs the check of a command, and compares what failed with what has to fail.
fn judged(
    tool: &Tool,
    exercise: &str,
    side: &str,
    command: &str,
    fails: &Expected,
    only: &[String],
    by: Judged,
) -> Result<(), Failed> {
    let mut words = vec!["check", exercise];
    let side = format!("--{side}");
    words.extend([&side, command, "--format", "json", "--patience", PATIENCE]);
    // On a busy machine a check waits longer, also for cargo to build our own programs.
    words.extend(["--limit", "600"]);
    words.extend((by == Judged::Strictly).then_some("--strict"));
    words.extend(only.iter().flat_map(|case| ["--only", case]));
    // The middleware's twins need what is installed.
    let path = (!exercise.ends_with("-middleware")).then_some(&tool.path);
    let Played {
        code,
        sheet,
        failed,
        told,
        undecided,
    } = played(tool, &words, path)?;
    if let Some(why) = undecided {
        return Err(format!("undecided: {why}").into());
    }
    let as_declared = |(case, misconception): (&String, &String)| {
        [&fails.must, &fails.may]
            .iter()
            .any(|declared| declared.get(case) == Some(misconception))
    };
    let all = fails.must.keys().all(|case| failed.contains_key(case));
    if !all || !failed.iter().all(as_declared) {
        return Err(format!("has to fail {fails:?}, but failed\n{told}").into());
    }
    let expected = match by {
        Judged::Strictly if !failed.is_empty() => 1,
        _ => 0,
    };
    if by == Judged::BySheet && sheet["score"] != sheet["max_score"] {
        return Err(format!("does not do all that the sheet asks: {sheet}").into());
    }
    if code != Some(expected) {
        return Err(format!("ended with {code:?}, not {expected}").into());
    }
    Ok(())
}

/// What a check said.
struct Played {
    code: Option<i32>,
    /// The score of what the sheet asks.
    sheet: Value,
    /// The cases that failed, with their misconceptions.
    failed: BTreeMap<String, String>,
    /// The same with the verdicts' words.
    told: String,
    /// The first case that could not be decided, and why.
    undecided: Option<String>,
}

fn played(tool: &Tool, words: &[&str], path: Option<&OsString>) -> Result<Played, Failed> {
    let output = Command::new(&tool.binary)
        .args(words)
        .envs(path.map(|path| ("PATH", path)))
        .current_dir(workspace())
        .output()?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let mut played = Played {
        code: output.status.code(),
        sheet: report["questions"]["sheet"].clone(),
        failed: BTreeMap::new(),
        told: String::new(),
        undecided: None,
    };
    for case in report["cases"].as_array().ok_or("no cases")? {
        let text = |field: &str| case[field].as_str().unwrap_or_default().to_string();
        let (id, misconception) = (text("id"), text("misconception"));
        match text("outcome").as_str() {
            "failed" => {
                writeln!(played.told, "{id}: {misconception}: {}", text("summary"))?;
                played.failed.insert(id, misconception);
            }
            "undecided" => {
                let why = format!("{id}: {}", text("why"));
                played.undecided.get_or_insert(why);
            }
            _ => {}
        }
    }
    Ok(played)
}

/// The side that a program is checked as.
fn side(entry: &Entry) -> Side {
    let option = entry.check.split(' ').nth(1).unwrap_or_default();
    let side = option.trim_start_matches("--").to_string();
    (entry.exercise.clone(), side)
}

fn covered(tool: &Tool, entries: &[Entry]) -> Result<(), Failed> {
    let covered: BTreeSet<Side> = entries.iter().map(side).collect();
    let mut missing = Vec::new();
    for of in covered {
        let failing: BTreeSet<&String> = entries
            .iter()
            .filter(|entry| side(entry) == of)
            .flat_map(|entry| entry.fails.must.keys())
            .collect();
        missing.extend(
            tool.sides[&of]
                .iter()
                .filter(|case| !failing.contains(&case.id))
                .map(|case| format!("{} {}: {}", of.0, of.1, case.id)),
        );
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("no wrong answer fails: {}", missing.join(", ")).into())
    }
}

fn fresh(entries: &[Entry]) -> Result<(), Failed> {
    let exercises: BTreeSet<&String> = entries.iter().map(|entry| &entry.exercise).collect();
    for exercise in exercises {
        let path = workspace()
            .join("crates/lab-check/gallery")
            .join(exercise)
            .join("README.md");
        let matrix = matrix(exercise, entries);
        if env::var_os("LAB_UPDATE").is_some() {
            fs::write(path, matrix)?;
        } else if fs::read_to_string(path).unwrap_or_default() != matrix {
            return Err(format!(
                "{exercise}: run LAB_UPDATE=1 cargo test -p lab-check --test check-matrix"
            )
            .into());
        }
    }
    Ok(())
}

fn matrix(exercise: &str, entries: &[Entry]) -> String {
    let mut text = format!(
        "# Answers to {exercise}, wrong and right\n\n\
         | program | what it does | fails | diagnosis |\n|---|---|---|---|\n"
    );
    for entry in entries.iter().filter(|entry| entry.exercise == exercise) {
        let Expected { must, may } = &entry.fails;
        let joined = |names: &mut dyn Iterator<Item = &String>| {
            let names: Vec<&str> = names.map(String::as_str).collect();
            names.join(", ")
        };
        let mut fails = joined(&mut must.keys());
        let diagnoses: BTreeSet<&String> = must.values().chain(may.values()).collect();
        let mut why = joined(&mut diagnoses.into_iter());
        if must.is_empty() {
            fails = "nothing".to_string();
            why = "right".to_string();
        }
        if !may.is_empty() {
            let sometimes = joined(&mut may.keys());
            fails.push_str(&format!("; sometimes {sometimes}"));
        }
        let (name, about) = (&entry.name, &entry.about);
        writeln!(text, "| [{name}]({name}) | {about} | {fails} | {why} |")
            .expect("a String takes everything");
    }
    text
}
