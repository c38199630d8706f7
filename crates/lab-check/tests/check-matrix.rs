//! The gallery of `cargo lab check`: every wrong answer fails exactly the cases that it should, with the diagnosis
//! that it should; every right answer passes all; every case that the gallery covers fails some wrong answer.
//!
//! What a gallery file is, and what it has to fail, stands in its first lines. The same facts make the matrix in the
//! README of the exercise's folder; `LAB_UPDATE=1 cargo test -p lab-check --test check-matrix` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};
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
    /// Which cases it has to fail, with which misconception.
    fails: BTreeMap<String, String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let check = PathBuf::from(env!("CARGO_BIN_EXE_lab-check"));
    let entries = gallery();
    let mut trials = Vec::new();
    for entry in &entries {
        let (entry, check) = (entry.clone(), check.clone());
        let missing = missing_tool(&entry);
        let name = format!("{}/{}", entry.exercise, entry.name);
        let trial = match missing {
            // Shown as ignored, with the reason: not as passed.
            Some(tool) => Trial::test(format!("{name} ({tool} is not installed)"), || Ok(()))
                .with_ignored_flag(true),
            None => Trial::test(name, move || plays_out(&check, &entry)),
        };
        trials.push(trial);
    }
    // Our own programs: for every side that the tool lists, so that none is forgotten.
    for (exercise, side) in listed(&check) {
        for ours in ["rust", "python"] {
            let (check, exercise, side) = (check.clone(), exercise.clone(), side.clone());
            let name = match ours {
                "rust" => format!("{exercise} {side}: our own program passes all cases"),
                _ => format!("{exercise} {side}: the twin of our own program passes all cases"),
            };
            // The middleware's twins speak through a library of their own, which not every machine has.
            let module = match exercise.as_str() {
                "transparency-middleware" => "autobahn",
                _ => "socket",
            };
            let missing = ours == "python" && !imports(module);
            trials.push(
                Trial::test(name, move || {
                    judged(&check, &exercise, &side, ours, &BTreeMap::new())
                })
                .with_ignored_flag(missing),
            );
        }
    }
    let (all, of_check) = (entries.clone(), check.clone());
    trials.push(Trial::test(
        "every side that can be checked has a gallery with a right answer",
        move || no_side_without(&of_check, &all),
    ));
    let (all, of_check) = (entries.clone(), check.clone());
    trials.push(Trial::test(
        "every case that a gallery covers fails a wrong answer",
        move || covered(&of_check, &all),
    ));
    trials.push(Trial::test(
        "the matrix of each exercise is up to date",
        move || fresh(&entries),
    ));
    let mut arguments = arguments;
    // Most of the time is spent waiting for programs that hang.
    arguments.test_threads.get_or_insert(8);
    libtest_mimic::run(&arguments, trials).exit_code()
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
        fails: BTreeMap::new(),
    };
    for line in head {
        if let Some(check) = line.strip_prefix("check: ") {
            entry.check = check.to_string();
        } else if let Some((case, misconception)) = line
            .strip_prefix("fails: ")
            .and_then(|line| line.split_once(' '))
        {
            entry
                .fails
                .insert(case.to_string(), misconception.to_string());
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

/// What a file needs to run and this machine does not have.
fn missing_tool(entry: &Entry) -> Option<&'static str> {
    let tool = match entry.file.extension()?.to_str()? {
        "py" => "python3",
        "js" => "node",
        "c" => "cc",
        "rs" => "rustc",
        other => panic!("{}: nobody knows how to run .{other}", entry.file.display()),
    };
    (!installed(tool)).then_some(tool)
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

/// Every exercise with each of its sides, as the tool lists them: `dsd-eof`, `--server`.
fn listed(check: &Path) -> Vec<(String, String)> {
    let output = Command::new(check)
        .arg("check")
        .current_dir(workspace())
        .output()
        .expect("the check has been built");
    let list = String::from_utf8(output.stdout).expect("the list is text");
    let mut sides = Vec::new();
    for line in list.lines() {
        let mut words = line.split_whitespace();
        if let (Some(exercise), Some(side)) = (words.next(), words.next()) {
            assert!(side.starts_with("--"), "{line}");
            sides.push((exercise.to_string(), side.to_string()));
        }
    }
    sides
}

/// A new exercise is not forgotten: each of its sides needs programs that show what its check finds.
fn no_side_without(check: &Path, entries: &[Entry]) -> Result<(), Failed> {
    let right: BTreeSet<(String, String)> = entries
        .iter()
        .filter(|entry| entry.fails.is_empty())
        .flat_map(|entry| sides(std::slice::from_ref(entry)))
        .collect();
    let missing: Vec<String> = listed(check)
        .into_iter()
        .filter(|(exercise, side)| {
            !right.contains(&(exercise.clone(), side.trim_start_matches("--").to_string()))
        })
        .map(|(exercise, side)| format!("{exercise} {side}"))
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("no right answer in the gallery: {}", missing.join(", ")).into()),
    }
}

/// The file that stands for `{file}`: the source, or the program compiled from it.
fn compiled(entry: &Entry) -> Result<PathBuf, Failed> {
    let extension = entry
        .file
        .extension()
        .and_then(|extension| extension.to_str());
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "{}-{}",
        entry.exercise,
        entry.name.replace('.', "-")
    ));
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
        _ => return Ok(entry.file.clone()),
    };
    let output = command.arg("-o").arg(&out).arg(&entry.file).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(out)
}

/// Runs the check and compares what failed with what has to fail.
fn plays_out(check: &Path, entry: &Entry) -> Result<(), Failed> {
    let file = compiled(entry)?;
    let line = entry.check.replace("{file}", &file.to_string_lossy());
    let (exercise, rest) = line
        .split_once(' ')
        .ok_or("check: EXERCISE --side \"command\"")?;
    let (side, command) = rest
        .split_once(' ')
        .ok_or("check: EXERCISE --side \"command\"")?;
    let command = command.trim_matches('"');
    judged(check, exercise, side, command, &entry.fails)
}

/// Runs the check of a command, and compares what failed with what has to fail.
fn judged(
    check: &Path,
    exercise: &str,
    side: &str,
    command: &str,
    fails: &BTreeMap<String, String>,
) -> Result<(), Failed> {
    let output = Command::new(check)
        .args([
            "check",
            exercise,
            side,
            command,
            "--format",
            "json",
            "--patience",
            PATIENCE,
        ])
        .current_dir(workspace())
        .output()?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let mut failed = BTreeMap::new();
    let mut told = String::new();
    for case in report["cases"].as_array().ok_or("no cases")? {
        let text = |field: &str| case[field].as_str().unwrap_or_default().to_string();
        match text("outcome").as_str() {
            "failed" => {
                writeln!(
                    told,
                    "{}: {}: {}",
                    text("id"),
                    text("misconception"),
                    text("summary")
                )?;
                failed.insert(text("id"), text("misconception"));
            }
            "undecided" => {
                return Err(format!("{} is undecided: {}", text("id"), text("why")).into());
            }
            _ => {}
        }
    }
    if failed != *fails {
        return Err(format!("has to fail {fails:?}, but failed\n{told}").into());
    }
    let expected = if fails.is_empty() { 0 } else { 1 };
    if output.status.code() != Some(expected) {
        return Err(format!("ended with {:?}, not {expected}", output.status.code()).into());
    }
    Ok(())
}

/// `exercise side` for each entry: what the gallery covers.
fn sides(entries: &[Entry]) -> BTreeSet<(String, String)> {
    let side = |entry: &Entry| {
        entry
            .check
            .split(' ')
            .nth(1)
            .unwrap_or_default()
            .trim_start_matches("--")
            .to_string()
    };
    entries
        .iter()
        .map(|entry| (entry.exercise.clone(), side(entry)))
        .collect()
}

fn covered(check: &Path, entries: &[Entry]) -> Result<(), Failed> {
    let mut missing = Vec::new();
    for (exercise, side) in sides(entries) {
        let output = Command::new(check)
            .args(["check", &exercise, &format!("--{side}"), "unused", "--list"])
            .current_dir(workspace())
            .output()?;
        let failing: BTreeSet<&String> = entries
            .iter()
            .filter(|entry| {
                entry.exercise == exercise && entry.check.contains(&format!("--{side} "))
            })
            .flat_map(|entry| entry.fails.keys())
            .collect();
        for line in String::from_utf8(output.stdout)?.lines() {
            let case = line
                .split_whitespace()
                .nth(1)
                .ok_or("a case has a name")?
                .to_string();
            if !failing.contains(&case) {
                missing.push(format!("{exercise} {side}: {case}"));
            }
        }
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
        let cases: Vec<&str> = entry.fails.keys().map(String::as_str).collect();
        let diagnoses: BTreeSet<&str> = entry.fails.values().map(String::as_str).collect();
        let (fails, why) = if cases.is_empty() {
            ("nothing".to_string(), "right".to_string())
        } else {
            (
                cases.join(", "),
                diagnoses.into_iter().collect::<Vec<_>>().join(", "),
            )
        };
        writeln!(
            text,
            "| [{0}]({0}) | {1} | {fails} | {why} |",
            entry.name, entry.about
        )
        .expect("a String takes everything");
    }
    text
}
