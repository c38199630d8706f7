//! Hand-outs: each is a subset of this workspace that builds, runs and is tested on its own.
//!
//! The tests that build every hand-out take minutes and are ignored by default; `.ci/run` runs
//! them: `cargo test -p tests --test handout -- --include-ignored`.
//!
//! One file, since these tests share how a hand-out
//! is made; those that take minutes are next to it.

mod autograders;
mod built;
mod goal;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::binaries::{built, workspace};
use tests::catalog::{Entry, entries};

/// How long the tests of a starter may take to fail.
const STARTER_PATIENCE: Duration = Duration::from_secs(120);

/// A folder outside the workspace, taken away at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Scratch::named(&format!("handout-{name}-{}", std::process::id()))
    }

    /// A folder for hand-outs that are built. Its name is the same each time: what cargo has built
    /// of an earlier one is then replaced, not added to. Another checkout has another.
    fn for_builds(name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        workspace().hash(&mut hasher);
        let scratch = format!("handout-{name}-{:016x}", hasher.finish());
        let left_by_a_run_that_was_stopped = env::temp_dir().join(&scratch);
        let _nothing_there = fs::remove_dir_all(left_by_a_run_that_was_stopped);
        Scratch::named(&scratch)
    }

    fn named(name: &str) -> Self {
        let folder = env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
        Scratch(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A folder that is left behind harms nobody.
        let _left_behind = fs::remove_dir_all(&self.0);
    }
}

/// Runs cargo in a hand-out, which builds into `target`.
fn cargo(folder: &Path, target: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO"));
    command.args(args).current_dir(folder);
    for_handout(&mut command, target);
    command.output().expect("cargo runs: it started this test")
}

/// A command that builds a hand-out.
fn for_handout(command: &mut Command, target: &Path) {
    command
        // What cargo told this test about its own package is not for the hand-out's.
        .env_remove("CARGO_MANIFEST_DIR")
        .env("CARGO_TARGET_DIR", target)
        // Nobody debugs what is built here.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "0")
        .env("RUST_BACKTRACE", "0");
}

/// Runs `cargo lab handout`.
fn handout(args: &[&str]) -> Output {
    Command::new(built("lab-handout"))
        .args(args)
        .current_dir(workspace())
        .output()
        .expect("it was built")
}

/// The folders that hand-outs build into, one a lane: dependencies are built
/// once, no lane waits for another's lock, and none starts a program of the
/// same name that another has built. The tests that build take turns.
struct Lanes {
    folders: Vec<PathBuf>,
    _turn: MutexGuard<'static, ()>,
}

impl Lanes {
    fn new() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = labnet::lock(&TURN);
        let lanes = thread::available_parallelism().map_or(2, usize::from);
        // Next to target/debug, where this test's own binary is.
        let test = env::current_exe().expect("a running program has a path");
        let target = test.ancestors().nth(3).expect("target/debug/deps/TEST");
        let folder = target.join("handouts");
        Lanes {
            folders: (0..lanes)
                .map(|lane| folder.join(lane.to_string()))
                .collect(),
            _turn: turn,
        }
    }

    /// Does this for every exercise, in all lanes, and tells all that went wrong. With
    /// `LAB_EXERCISES` in the environment only for those that it names:
    /// `LAB_EXERCISES=dsd-sum,dsd-eof`.
    fn for_each(&self, exercises: &[String], check: impl Fn(&str, &Path) + Sync) {
        let only = env::var("LAB_EXERCISES").unwrap_or_default();
        let chosen =
            |exercise: &&String| only.is_empty() || only.split(',').any(|one| one == *exercise);
        let next = Mutex::new(exercises.iter().filter(chosen));
        let take = || labnet::lock(&next).next();
        let lane = |target: &Path| {
            while let Some(exercise) = take() {
                let start = Instant::now();
                check(exercise, target);
                labnet::log!("{exercise}: {:.1} s", start.elapsed().as_secs_f64());
            }
        };
        thread::scope(|scope| {
            let lane = &lane;
            let folders = self.folders.iter();
            let lanes: Vec<_> = folders
                .map(|folder| scope.spawn(move || lane(folder)))
                .collect();
            let failed = lanes.into_iter().filter_map(|lane| lane.join().err());
            assert_eq!(failed.count(), 0, "what failed is above");
        });
    }
}

/// Makes a hand-out in a folder.
fn make(exercise: &str, kind: &[&str], folder: &str) {
    let output = handout(&[&[exercise, "--out", folder], kind].concat());
    assert!(
        output.status.success(),
        "{exercise} {kind:?}: {}",
        all(&output)
    );
}

fn all(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

/// The exercises with their packages.
fn exercises() -> BTreeMap<String, Vec<Entry>> {
    let mut exercises: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for entry in entries() {
        exercises
            .entry(entry.exercise.clone())
            .or_default()
            .push(entry);
    }
    exercises
}

/// Those of which a part is the student's to write.
fn with_starter() -> Vec<String> {
    let marked = |entry: &Entry| {
        let main = fs::read_to_string(entry.folder.join("src/main.rs")).unwrap_or_default();
        main.contains("// region: exercise")
    };
    let exercises = exercises()
        .into_iter()
        .filter(|(_, entries)| entries.iter().any(marked));
    exercises.map(|(exercise, _)| exercise).collect()
}

/// Every file below a folder, by its path from there.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for item in fs::read_dir(&next).expect("a folder of the hand-out can be read") {
            let path = item.expect("an entry can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .expect("it is below")
                    .display()
                    .to_string();
                found.insert(
                    name,
                    fs::read(&path).expect("a file of the hand-out can be read"),
                );
            }
        }
    }
    found
}

/// Whether a text holds a name that is not a part of a longer one.
fn names(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + name.len()..].starts_with(part))
}

#[test]
fn a_name_within_a_longer_one_is_not_that_name() {
    assert!(names("see lab-one.", "lab-one"));
    assert!(!names("see lab-one-server", "lab-one"));
    assert!(!names("see lab-10", "lab-1"));
}

/// Those that `cargo lab check` can judge: a file there names one of their packages.
fn with_check() -> Vec<String> {
    let folder = workspace().join("crates/lab-check/src/exercises");
    let checks: String = files(&folder)
        .into_values()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    let checked = |entry: &Entry| checks.contains(&format!("package: \"{}\"", entry.package));
    let exercises = exercises().into_iter();
    exercises
        .filter(|(_, entries)| entries.iter().any(checked))
        .map(|(exercise, _)| exercise)
        .collect()
}

/// The hand-outs of a kind that there are, each as its exercise and the words for the command line.
fn kinds(exercise: &str) -> Vec<Vec<&'static str>> {
    let mut kinds = vec![vec!["--solution"]];
    if with_starter().iter().any(|name| name == exercise) {
        kinds.extend([vec!["--starter"], vec!["--python"]]);
    }
    if with_check().iter().any(|name| name == exercise) {
        let check = |kind: &Vec<&'static str>| [&kind[..], &["--check"]].concat();
        kinds.extend(kinds.iter().map(check).collect::<Vec<_>>());
    }
    kinds
}

/// One of each kind: two small programs, a program alone, and the largest.
const SOME: [&str; 3] = ["dsd-sum", "portscan", "transparency-middleware"];

#[test]
fn a_handout_names_no_other_exercise() {
    names_no_other_exercise("names", &SOME);
}

#[test]
#[ignore = "takes a minute: .ci/run handouts"]
fn no_handout_names_another_exercise() {
    let exercises = exercises();
    let all: Vec<&str> = exercises.keys().map(String::as_str).collect();
    names_no_other_exercise("all-names", &all);
}

fn names_no_other_exercise(scratch: &str, chosen: &[&str]) {
    let scratch = Scratch::new(scratch);
    let exercises = exercises();
    let mut problems = Vec::new();
    for &exercise in chosen {
        let others: BTreeSet<&str> = exercises
            .iter()
            .filter(|(other, _)| other.as_str() != exercise)
            .flat_map(|(other, entries)| {
                entries
                    .iter()
                    .map(|e| e.package.as_str())
                    .chain([other.as_str()])
            })
            .collect();
        for (number, kind) in kinds(exercise).into_iter().enumerate() {
            let folder = scratch.path(&format!("{exercise}-{number}"));
            make(exercise, &kind, &folder);
            for (file, bytes) in files(Path::new(&folder)) {
                // The root manifest is the workspace's, byte for byte.
                if file == "Cargo.toml" {
                    continue;
                }
                let text = String::from_utf8_lossy(&bytes);
                for other in others.iter().filter(|other| names(&text, other)) {
                    problems.push(format!("{exercise} {kind:?}: {file} names {other}"));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn links_in_a_handout_lead_to_what_it_holds() {
    lead_to_what_it_holds("links", &SOME);
}

#[test]
#[ignore = "takes half a minute: .ci/run handouts"]
fn links_in_every_handout_lead_to_what_it_holds() {
    let exercises = exercises();
    let all: Vec<&str> = exercises.keys().map(String::as_str).collect();
    lead_to_what_it_holds("all-links", &all);
}

/// Each exercise as a starter or, where there is none, as a solution.
fn lead_to_what_it_holds(scratch: &str, chosen: &[&str]) {
    let scratch = Scratch::new(scratch);
    let (starters, checks) = (with_starter(), with_check());
    let mut problems = Vec::new();
    let mut count = 0;
    for &exercise in chosen {
        let has = |names: &[String]| names.iter().any(|name| name == exercise);
        let mut kind = match has(&starters) {
            true => vec!["--starter"],
            false => vec!["--solution"],
        };
        kind.extend(has(&checks).then_some("--check"));
        let folder = scratch.path(exercise);
        make(exercise, &kind, &folder);
        let folder = Path::new(&folder);
        for (file, bytes) in files(folder)
            .iter()
            .filter(|(file, _)| file.ends_with(".md"))
        {
            let from = folder.join(file);
            let from = from.parent().expect("a file is in a folder");
            for link in links(&String::from_utf8_lossy(bytes)) {
                count += 1;
                if !from.join(&link).exists() {
                    problems.push(format!("{exercise}: {file} leads to {link}"));
                }
            }
        }
    }
    assert!(count > 20, "only {count} were found");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Where the links of a text lead that stay in its folder.
fn links(text: &str) -> Vec<String> {
    let mut prose = String::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if !fenced {
            prose.push_str(line);
        }
    }
    let links = prose.split("](").skip(1);
    let links = links.filter_map(|rest| Some(rest.split_once(')')?.0));
    let here = links.filter(|link| !link.contains("://") && !link.starts_with('#'));
    here.map(|link| link.split('#').next().unwrap_or(link).to_string())
        .collect()
}

#[test]
fn links_are_found_outside_of_code() {
    let text = "[a](b/c.md#d) [e](https://f) [g](#h)\n```\n[i](j)\n```\n[k](../l)\n";
    assert_eq!(links(text), ["b/c.md", "../l"]);
}

#[test]
fn a_handout_is_a_subset_of_the_workspace() {
    is_a_subset_of_the_workspace("subset", &SOME);
}

#[test]
#[ignore = "takes half a minute: .ci/run handouts"]
fn every_handout_is_a_subset_of_the_workspace() {
    let exercises = exercises();
    let all: Vec<&str> = exercises.keys().map(String::as_str).collect();
    is_a_subset_of_the_workspace("all-subsets", &all);
}

fn is_a_subset_of_the_workspace(scratch: &str, chosen: &[&str]) {
    let scratch = Scratch::new(scratch);
    let (starters, checks) = (with_starter(), with_check());
    for &exercise in chosen {
        let with_check = checks.iter().any(|name| name == exercise);
        let folder = scratch.path(exercise);
        let check: &[&str] = if with_check { &["--check"] } else { &[] };
        make(exercise, &[&["--solution"], check].concat(), &folder);
        same_as_in_the_workspace(exercise, Path::new(&folder));
        if starters.iter().any(|name| name == exercise) {
            let folder = scratch.path(&format!("{exercise}-python"));
            make(
                exercise,
                &[&["--solution", "--python"], check].concat(),
                &folder,
            );
            same_as_in_the_workspace(exercise, Path::new(&folder));
        }
    }
}

/// Every file of a solution is the workspace's, byte for byte, except the two that are made for it.
/// The manifest has lines of the workspace's, without the profiles of crates that are not there.
fn same_as_in_the_workspace(exercise: &str, folder: &Path) {
    let packages: Vec<String> = entries().into_iter().map(|entry| entry.package).collect();
    for (file, bytes) in files(folder) {
        if file == "README.md" || file == "Cargo.lock" {
            continue;
        }
        // A hand-out in Python has its programs at the top.
        let of_a_program = file
            .split('/')
            .next()
            .filter(|first| packages.iter().any(|p| p == first));
        let original = match of_a_program {
            Some(_) => workspace().join("crates").join(&file),
            None => workspace().join(&file),
        };
        let original =
            fs::read(original).unwrap_or_else(|error| panic!("{exercise}: {file}: {error}"));
        if file == "Cargo.toml" {
            let [mut rest, ours] = [&original, &bytes].map(|text| {
                std::str::from_utf8(text)
                    .expect("a manifest is text")
                    .lines()
            });
            for line in ours {
                assert!(
                    rest.any(|other| other == line),
                    "{exercise}: {line} is not in the workspace's"
                );
            }
            continue;
        }
        assert!(
            bytes == original,
            "{exercise}: {file} is not what it is in the workspace"
        );
    }
}

#[test]
fn the_same_commit_gives_the_same_bytes() {
    let scratch = Scratch::new("bytes");
    let exercises = with_starter();
    let exercise = exercises.first().expect("there is an exercise");
    for ending in ["zip", "tar.gz"] {
        let made: Vec<Vec<u8>> = ["a", "b"]
            .iter()
            .map(|folder| {
                let file = scratch.path(&format!("{folder}/x.{ending}"));
                make(exercise, &[], &file);
                fs::read(file).expect("the archive was written")
            })
            .collect();
        assert!(made[0] == made[1], "two .{ending} of {exercise} differ");
    }
}

/// How much time of the processor a call takes, with all that it starts: on a machine with nothing
/// else to do it takes no longer by the clock, and on a busy one the clock tells of the others.
#[cfg(unix)]
fn time_of(args: &[&str]) -> Duration {
    let output = Command::new("sh")
        .args(["-c", "\"$0\" \"$@\" >/dev/null && times"])
        .arg(built("lab-handout"))
        .args(args)
        .current_dir(workspace())
        .output()
        .expect("every Unix has sh(1)");
    assert!(output.status.success(), "{}", all(&output));
    // times(1p): a line of the shell's own time, and one of its children's: 0m1.20s 0m0.30s
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let children = text.lines().nth(1).expect("two lines");
    let seconds = children.split_whitespace().map(|time| {
        let (minutes, seconds) = time.split_once('m').expect("minutes and seconds");
        let number = |text: &str| text.parse::<f64>().expect("a number");
        60.0 * number(minutes) + number(seconds.trim_end_matches('s'))
    });
    Duration::from_secs_f64(seconds.sum())
}

/// By the clock, where no shell tells more.
#[cfg(not(unix))]
fn time_of(args: &[&str]) -> Duration {
    let start = Instant::now();
    let output = handout(args);
    assert!(output.status.success(), "{}", all(&output));
    start.elapsed()
}

#[test]
fn a_starter_in_a_zip_is_small_and_all_of_them_are_made_quickly() {
    let scratch = Scratch::new("all");
    // Built before the clock starts.
    assert!(handout(&["--help"]).status.success());
    let time = time_of(&["--all", "--out", &scratch.path("dist")]);
    let made = files(&scratch.0.join("dist"));
    let names: Vec<String> = with_starter()
        .iter()
        .map(|name| format!("{name}.zip"))
        .collect();
    assert_eq!(made.keys().cloned().collect::<Vec<_>>(), names);
    for (name, bytes) in made {
        // Of these are 17 KiB RUST.md and the hints.
        assert!(
            bytes.len() <= 128 * 1024,
            "{name} has {} bytes",
            bytes.len()
        );
    }
    assert!(
        time <= Duration::from_secs(10),
        "all hand-outs took {time:?}"
    );
}

#[test]
fn several_exercises_are_a_zip_each_in_one_folder() {
    let scratch = Scratch::new("several");
    let [one, .., other] = &with_starter()[..] else {
        panic!("there are two exercises with a starter")
    };
    let made = handout(&[one, other, "--out", &scratch.path("dist")]);
    assert!(made.status.success(), "{}", all(&made));
    let names: Vec<String> = files(&scratch.0.join("dist")).into_keys().collect();
    assert_eq!(names, [format!("{one}.zip"), format!("{other}.zip")]);
}

#[test]
fn what_is_there_already_is_never_overwritten() {
    let scratch = Scratch::new("there");
    let file = scratch.path("mine.zip");
    fs::write(&file, "mine").unwrap();
    let exercises = with_starter();
    let output = handout(&[&exercises[0], "--out", &file]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        all(&output).contains("is there already\nhint: "),
        "{}",
        all(&output)
    );
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[test]
fn an_empty_folder_is_filled_and_one_that_cannot_be_made_is_an_error_with_a_hint() {
    let scratch = Scratch::new("folders");
    let exercise = &with_starter()[0];
    let empty = scratch.path("empty");
    fs::create_dir(&empty).unwrap();
    make(exercise, &["--python"], &empty);
    let output = handout(&[exercise, "--out", &empty]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        all(&output).contains("is there already, and not empty\nhint: "),
        "{}",
        all(&output)
    );
    fs::write(scratch.path("file"), "").unwrap();
    let output = handout(&[exercise, "--out", &scratch.path("file/x")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(all(&output).contains("\nhint: "), "{}", all(&output));
    assert_eq!(files(&scratch.0).len(), 1 + files(Path::new(&empty)).len());
}

/// Everything in it is whole: nothing was written next to its place and left there.
#[cfg(unix)]
#[test]
fn ctrl_c_leaves_no_half_handout_and_no_temporary_folder() {
    let scratch = Scratch::new("signal");
    let dist = scratch.0.join("dist");
    let mut command = Command::new(built("lab-handout"));
    command.current_dir(workspace()).env("TMPDIR", &scratch.0);
    command.args(["--all", "--check", "--out", &path(&dist)]);
    let program = tests::Program::new("lab-handout", command).start();
    // The work on the first has begun: its folder is there.
    let begun = || fs::read_dir(&scratch.0).is_ok_and(|mut entries| entries.next().is_some());
    tests::wire::eventually("work has begun", begun);
    let sent = Command::new("kill")
        .args(["-s", "INT", &program.id().to_string()])
        .status();
    assert!(sent.expect("every Unix has kill(1)").success());
    let finished = program.finish();
    assert_eq!(finished.code, Some(130), "{finished:?}");
    for name in files(&scratch.0).keys() {
        // What was ready by then is whole and in its place.
        assert!(
            name.starts_with("dist/") && name.ends_with(".zip"),
            "{name}"
        );
        assert!(!name.starts_with("dist/."), "{name}");
    }
}

#[test]
fn wrong_command_lines_say_what_to_do() {
    for (args, says) in [
        (
            &["dsd-smu", "--out", "x"][..],
            "there is no exercise dsd-smu",
        ),
        (&["--out", "x"], "name exercises, or --sheet ID, or --all"),
        (&["--sheet", "none", "--out", "x"], "there is no sheet none"),
        (
            &["a", "--starter", "--solution", "--out", "x"],
            "exclude each other",
        ),
        (&["a"], "--out"),
        (
            &["dsd-sum", "--out"],
            "No value provided for option '--out'.\nhint: cargo lab handout --help",
        ),
        (
            &["dsd-sum", "--out", "--check"],
            "No value provided for option '--out'.",
        ),
        (
            &["dsd-sum", "--out", "x.rar"],
            "archives of the kind .rar are not made here\nhint: --out names a folder, or a file that ends in .zip",
        ),
        (
            &["dsd-sum", "dsd-eof", "--out", "x.zip"],
            "several hand-outs need a folder, not x.zip",
        ),
        (
            &["dsd-sum", "--chek", "--out", "x"],
            "Unrecognized argument: --chek\nhint: did you mean --check?",
        ),
    ] {
        let output = handout(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(all(&output).contains(says), "{args:?}: {}", all(&output));
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
