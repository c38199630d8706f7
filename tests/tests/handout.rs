//! Hand-outs: each is a subset of this workspace that builds, runs and is tested on its own.
//!
//! The tests that build every hand-out take minutes and are ignored by default; `.ci/run` runs them:
//! `cargo test -p tests --test handout -- --include-ignored`.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::catalog::{Entry, entries};
use tests::program::workspace;

/// How long the tests of a starter may take to fail.
const STARTER_PATIENCE: Duration = Duration::from_secs(120);

/// A folder outside the workspace, taken away at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Scratch::named(&format!("handout-{name}-{}", std::process::id()))
    }

    /// A folder for hand-outs that are built. Its name is the same each time: what cargo has built of an earlier one is then
    /// replaced, not added to. Another checkout has another.
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
    Command::new(env!("CARGO"))
        .args(args)
        .current_dir(folder)
        // What cargo told this test about its own package is not for the hand-out's.
        .env_remove("CARGO_MANIFEST_DIR")
        .env("CARGO_TARGET_DIR", target)
        // Nobody debugs what is built here.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "0")
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("cargo runs: it started this test")
}

/// `cargo lab handout`'s binary, which the first call builds.
fn handout_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let output = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "lab-handout"])
            .current_dir(workspace())
            .output()
            .expect("cargo runs: it started this test");
        assert!(output.status.success(), "{}", all(&output));
        // A test runs from target/debug/deps.
        let test = env::current_exe().expect("a running program has a path");
        let folder = test.ancestors().nth(2).expect("target/debug/deps/TEST");
        folder.join(format!("lab-handout{}", env::consts::EXE_SUFFIX))
    })
}

/// Runs `cargo lab handout`.
fn handout(args: &[&str]) -> Output {
    Command::new(handout_binary())
        .args(args)
        .current_dir(workspace())
        .output()
        .expect("the binary was built")
}

/// The folders that hand-outs build into, one a lane: dependencies are built once, no lane waits for another's lock, and none
/// starts a program of the same name that another has built. The tests that build take turns.
struct Lanes {
    folders: Vec<PathBuf>,
    _turn: MutexGuard<'static, ()>,
}

impl Lanes {
    fn new() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let lanes = thread::available_parallelism().map_or(2, usize::from);
        // Beside target/debug, where this test's own binary is.
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

    /// Does this for every exercise, in all lanes, and tells all that went wrong.
    fn for_each(&self, exercises: &[String], check: impl Fn(&str, &Path) + Sync) {
        let next = Mutex::new(exercises.iter());
        let take = || next.lock().unwrap_or_else(PoisonError::into_inner).next();
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
            assert_eq!(failed.count(), 0, "what failed stands above");
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
                    .expect("it stands below")
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

#[test]
fn a_handout_names_no_other_exercise() {
    let scratch = Scratch::new("names");
    let exercises = exercises();
    let mut problems = Vec::new();
    for exercise in exercises.keys() {
        let others: BTreeSet<&str> = exercises
            .iter()
            .filter(|(other, _)| *other != exercise)
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
fn a_handout_is_a_subset_of_the_workspace() {
    let scratch = Scratch::new("subset");
    for exercise in exercises().keys() {
        let with_check = with_check().contains(exercise);
        let folder = scratch.path(exercise);
        let check: &[&str] = if with_check { &["--check"] } else { &[] };
        make(exercise, &[&["--solution"], check].concat(), &folder);
        same_as_in_the_workspace(exercise, Path::new(&folder));
        if with_starter().contains(exercise) {
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

/// How much time of the processor a call takes, with all that it starts: on a machine with nothing else to do it takes no
/// longer by the clock, and on a busy one the clock tells of the others.
#[cfg(unix)]
fn time_of(args: &[&str]) -> Duration {
    let output = Command::new("sh")
        .args(["-c", "\"$0\" \"$@\" >/dev/null && times"])
        .arg(handout_binary())
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
        assert!(bytes.len() <= 96 * 1024, "{name} has {} bytes", bytes.len());
    }
    assert!(
        time <= Duration::from_secs(10),
        "all hand-outs took {time:?}"
    );
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

/// Everything in it is whole: nothing was written beside its place and left there.
#[cfg(unix)]
#[test]
fn ctrl_c_leaves_no_half_handout_and_no_temporary_folder() {
    let scratch = Scratch::new("signal");
    let dist = scratch.0.join("dist");
    let mut command = Command::new(handout_binary());
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
        (
            &["--out", "x"],
            "name one exercise, or --sheet ID, or --all",
        ),
        (&["--sheet", "none", "--out", "x"], "there is no sheet none"),
        (
            &["a", "--starter", "--solution", "--out", "x"],
            "exclude each other",
        ),
        (&["a"], "--out"),
    ] {
        let output = handout(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(all(&output).contains(says), "{args:?}: {}", all(&output));
    }
}

/// The names under which `cargo lab check` knows an exercise: a server and a client may have one each.
fn checked_as(folder: &Path, target: &Path) -> Vec<String> {
    let listed = cargo(folder, target, &["lab", "check"]);
    assert!(listed.status.success(), "{}", all(&listed));
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let names = text
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let names: BTreeSet<String> = names.map(str::to_string).collect();
    names.into_iter().collect()
}

#[test]
#[ignore = "takes minutes: cargo test -p tests --test handout -- --include-ignored"]
fn every_solution_passes_its_tests_and_its_check_and_every_starter_fails_them_for_what_is_missing()
{
    let lanes = Lanes::new();
    let scratch = Scratch::for_builds("every");
    let (starters, checks) = (with_starter(), with_check());
    let all_exercises: Vec<String> = exercises().into_keys().collect();
    lanes.for_each(&all_exercises, |exercise, target| {
        let check: &[&str] = match checks.iter().any(|name| name == exercise) {
            true => &["--check"],
            false => &[],
        };
        let solution = scratch.0.join(format!("{exercise}-solution"));
        make(
            exercise,
            &[&["--solution"], check].concat(),
            &path(&solution),
        );
        builds(exercise, &solution, target, &["--locked"]);
        let tested = cargo(&solution, target, &["test", "--locked", "-p", "tests"]);
        assert!(tested.status.success(), "{exercise}: {}", all(&tested));
        assert!(
            all(&tested).contains("test result: ok."),
            "{exercise} has no tests"
        );
        let mut names = Vec::new();
        if !check.is_empty() {
            names = checked_as(&solution, target);
            // The packages of the check are the same for every exercise.
            if checks.first().is_some_and(|first| first == exercise) {
                let tested = cargo(&solution, target, &["test", "--locked", "--workspace"]);
                assert!(tested.status.success(), "{exercise}: {}", all(&tested));
            }
        }
        for name in &names {
            let checked = cargo(&solution, target, &["lab", "check", name]);
            assert!(checked.status.success(), "{name}: {}", all(&checked));
        }
        if !starters.iter().any(|name| name == exercise) {
            return;
        }

        let starter = scratch.0.join(format!("{exercise}-starter"));
        make(exercise, &[&["--starter"], check].concat(), &path(&starter));
        builds(exercise, &starter, target, &["--locked"]);
        fails_its_tests(exercise, &starter, target);
        if check.is_empty() {
            return;
        }
        for name in &names {
            let checked = cargo(&starter, target, &["lab", "check", name]);
            assert_eq!(checked.status.code(), Some(1), "{name}: {}", all(&checked));
            assert!(
                all(&checked).contains("not yet implemented: write step"),
                "{name}: {}",
                all(&checked)
            );
        }
    });
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// The whole hand-out builds, without a warning.
fn builds(exercise: &str, folder: &Path, target: &Path, options: &[&str]) {
    let built = cargo(
        folder,
        target,
        &[&["build", "--workspace"], options].concat(),
    );
    assert!(built.status.success(), "{exercise}: {}", all(&built));
    assert!(
        !all(&built).contains("warning"),
        "{exercise}: {}",
        all(&built)
    );
}

/// The tests of a starter come to their end, and fail because something is not written yet.
fn fails_its_tests(exercise: &str, folder: &Path, target: &Path) {
    let start = Instant::now();
    let test = ["test", "--locked", "-p", "tests", "--test", "exercises"];
    let tested = cargo(folder, target, &test);
    let text = all(&tested);
    assert!(
        start.elapsed() < STARTER_PATIENCE,
        "{exercise}: {:?}",
        start.elapsed()
    );
    assert!(
        !tested.status.success(),
        "{exercise}: a starter passes its tests"
    );
    assert!(
        text.contains("test result: FAILED"),
        "{exercise}: it does not come to tests: {text}"
    );
    assert!(
        text.contains("not yet implemented: write step"),
        "{exercise}: {text}"
    );
    assert!(!text.contains("error[E"), "{exercise}: {text}");
    assert!(!text.contains("warning: "), "{exercise}: {text}");
}

#[test]
#[ignore = "takes minutes: cargo test -p tests --test handout -- --include-ignored"]
fn every_handout_with_its_crates_builds_offline() {
    let lanes = Lanes::new();
    let scratch = Scratch::for_builds("offline");
    let (starters, checks) = (with_starter(), with_check());
    let all_exercises: Vec<String> = exercises().into_keys().collect();
    lanes.for_each(&all_exercises, |exercise, target| {
        let mut kind = vec!["--offline"];
        if !starters.iter().any(|name| name == exercise) {
            kind.push("--solution");
        }
        let folder = scratch.0.join(exercise);
        make(exercise, &kind, &path(&folder));
        builds(exercise, &folder, target, &["--locked", "--offline"]);
        fs::remove_dir_all(&folder).expect("a folder of ours can be removed");
        // The check's crates are the same for every exercise.
        if checks.first().is_some_and(|first| first == exercise) {
            kind.push("--check");
            make(exercise, &kind, &path(&folder));
            let features = ["--locked", "--offline"];
            builds(exercise, &folder, target, &features);
        }
    });
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
#[cfg_attr(
    not(no_python),
    ignore = "takes minutes: cargo test -p tests --test handout -- --include-ignored"
)]
fn every_python_solution_passes_its_check_and_every_starter_fails_it_for_what_is_missing() {
    let lanes = Lanes::new();
    let scratch = Scratch::for_builds("python-check");
    let starters = with_starter();
    let mut exercises = with_check();
    exercises.retain(|exercise| starters.contains(exercise));
    lanes.for_each(&exercises, |exercise, target| {
        let solution = scratch.0.join(format!("{exercise}-solution"));
        make(
            exercise,
            &["--python", "--check", "--solution"],
            &path(&solution),
        );
        let names = checked_as(&solution, target);
        for name in &names {
            let checked = cargo(&solution, target, &["lab", "check", name]);
            assert!(checked.status.success(), "{name}: {}", all(&checked));
        }
        let starter = scratch.0.join(format!("{exercise}-starter"));
        make(exercise, &["--python", "--check"], &path(&starter));
        for name in &names {
            let checked = cargo(&starter, target, &["lab", "check", name]);
            let text = all(&checked);
            assert_eq!(checked.status.code(), Some(1), "{name}: {text}");
            assert!(
                text.contains("NotImplementedError: write step"),
                "{name}: {text}"
            );
        }
    });
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn every_python_handout_is_python() {
    let scratch = Scratch::new("python");
    for exercise in with_starter() {
        for kind in ["--starter", "--solution"] {
            let folder = scratch.path(&format!("{exercise}{kind}"));
            make(&exercise, &["--python", kind], &folder);
            let mut programs = 0;
            for (file, bytes) in files(Path::new(&folder)) {
                assert!(
                    !file.ends_with(".rs") && !file.ends_with(".toml"),
                    "{exercise}: {file}"
                );
                if file.ends_with(".py") {
                    programs += 1;
                    let text = String::from_utf8(bytes).unwrap();
                    let path = Path::new(&folder).join(&file);
                    let check = "import ast, sys; ast.parse(open(sys.argv[1], 'rb').read())";
                    let python = if cfg!(windows) { "python" } else { "python3" };
                    let output = Command::new(python)
                        .args(["-c", check])
                        .arg(path)
                        .output()
                        .unwrap();
                    assert!(
                        output.status.success(),
                        "{exercise}: {file}: {}",
                        all(&output)
                    );
                    let cut = text.contains("raise NotImplementedError(\"write step");
                    assert_eq!(cut, kind == "--starter", "{exercise} {kind}: {file}");
                }
            }
            assert!(programs > 0, "{exercise} {kind} holds no program");
        }
    }
}

/// A grading platform's folders, with the autograder of an exercise unpacked as the platform does it.
struct Autograder {
    root: PathBuf,
    target: PathBuf,
}

impl Autograder {
    /// Unpacks the archive; a platform wants the files at its top.
    fn new(lanes: &Lanes, scratch: &Scratch, exercise: &str, kind: &[&str]) -> Self {
        let root = scratch.0.join(kind.join(""));
        for folder in ["source", "submission", "results"] {
            fs::create_dir_all(root.join(folder)).expect("a folder of ours can be changed");
        }
        let archive = path(&root.join("autograder.tar.gz"));
        make(exercise, kind, &archive);
        let unpacked = Command::new("tar")
            .args(["-xzf", &archive, "-C", &path(&root.join("source"))])
            .status();
        assert!(unpacked.expect("there is a tar").success());
        Autograder {
            root,
            target: lanes.folders[0].clone(),
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_remove("CARGO_MANIFEST_DIR")
            .env("AUTOGRADER_ROOT", &self.root)
            .env("CARGO", env!("CARGO"))
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_INCREMENTAL", "0")
            .env("RUST_BACKTRACE", "0");
        command
    }

    /// Hands these files in instead of what was there: each with a name and a text.
    fn submit(&self, files: &[(&str, String)]) {
        let submission = self.root.join("submission");
        fs::remove_dir_all(&submission).expect("a folder of ours can be changed");
        fs::create_dir(&submission).expect("a folder of ours can be changed");
        for (name, text) in files {
            let file = submission.join(name);
            fs::create_dir_all(file.parent().expect("a file stands in a folder"))
                .expect("a folder of ours can be changed");
            fs::write(file, text).expect("a folder of ours can be changed");
        }
    }

    /// Runs Gradescope's run_autograder and gives results.json.
    fn gradescope(&self) -> Value {
        let run = path(&self.root.join("source/run_autograder"));
        let output = self
            .command(&run)
            .current_dir(&self.root)
            .output()
            .expect("it can be started");
        assert!(output.status.success(), "{}", all(&output));
        let results = fs::read(self.root.join("results/results.json")).expect("there is a result");
        serde_json::from_slice(&results).expect("it is JSON")
    }

    /// Runs classroom50's autograder.py in the student's checkout and gives result.json.
    fn classroom50(&self) -> Result<Value, String> {
        let checkout = self.root.join("submission");
        let output = self
            .command("python3")
            .arg(self.root.join("source/autograder.py"))
            .current_dir(&checkout)
            .envs([
                ("CLASSROOM", "networks"),
                ("ASSIGNMENT", "sum"),
                ("SUBMISSION_TAG", "submit/2026-06-01T14-32-05Z-a1b2c3d"),
                ("COMMIT_URL", "https://github.com/o/r/commit/a1b2c3d"),
                ("RELEASE_URL", "https://github.com/o/r/releases/tag/x"),
            ])
            .output()
            .expect("it can be started");
        if !output.status.success() {
            return Err(all(&output));
        }
        let result = fs::read(checkout.join("result.json")).expect("there is a result");
        Ok(serde_json::from_slice(&result).expect("it is JSON"))
    }
}

/// A program of the workspace, as its author has it.
fn program_text(package: &str, file: &str) -> String {
    let path = workspace().join("crates").join(package).join(file);
    fs::read_to_string(path).expect("a program of ours can be read")
}

/// The tests of a results.json: name, score, output.
fn gradescope_tests(results: &Value) -> Vec<(String, u64, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_string();
    let tests = results["tests"].as_array().expect("a list of tests");
    let tests = tests.iter().map(|test| {
        assert_eq!(test["max_score"], 1);
        assert_eq!(test["visibility"], "visible");
        assert_eq!(test["status"] == "passed", test["score"] == 1);
        let score = test["score"].as_u64().expect("a whole number");
        (text(&test["name"]), score, text(&test["output"]))
    });
    let tests: Vec<_> = tests.collect();
    let sum: u64 = tests.iter().map(|(_, score, _)| score).sum();
    assert_eq!(results["score"].as_u64(), Some(sum));
    tests
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
#[cfg_attr(
    not(no_python),
    ignore = "takes minutes: cargo test -p tests --test handout -- --include-ignored"
)]
fn gradescope_gets_points_for_what_is_right_and_reasons_for_what_is_wrong() {
    const SERVER: &str = "crates/dsd-sum-server/src/main.rs";
    const CLIENT: &str = "crates/dsd-sum-client/src/main.rs";

    let lanes = Lanes::new();
    let scratch = Scratch::for_builds("gradescope");
    let grader = Autograder::new(
        &lanes,
        &scratch,
        "dsd-sum",
        &["--with-results", "gradescope"],
    );
    let setup = path(&grader.root.join("source/setup.sh"));
    let built = grader.command(&setup).output().unwrap();
    assert!(built.status.success(), "{}", all(&built));

    let server = program_text("dsd-sum-server", "src/main.rs");
    let client = program_text("dsd-sum-client", "src/main.rs");
    // In its folders, below one more, beside what an autograder must not take.
    grader.submit(&[
        ("mine/crates/dsd-sum-server/src/main.rs", server.clone()),
        ("mine/crates/dsd-sum-client/src/main.rs", client.clone()),
        (
            "mine/crates/lab-check/src/main.rs",
            "compile_error!();".to_string(),
        ),
        (
            "mine/target/debug/dsd-sum-server/src/main.rs",
            String::new(),
        ),
    ]);
    let right = gradescope_tests(&grader.gradescope());
    let points = right.len();
    assert!(points > 10, "{right:?}");
    assert!(right.iter().all(|(_, score, _)| *score == 1), "{right:?}");

    // A client that does not compile.
    let broken = client.replace("fn main()", "fn main(");
    assert_ne!(broken, client);
    grader.submit(&[(SERVER, server), (CLIENT, broken)]);
    let half = gradescope_tests(&grader.gradescope());
    assert_eq!(
        half.len(),
        points,
        "the points that can be had stay the same"
    );
    for (name, score, output) in &half {
        assert_eq!(*score == 1, name.starts_with("server"), "{name}: {output}");
    }
    let (_, _, said) = half
        .iter()
        .find(|(name, ..)| name.starts_with("client"))
        .unwrap();
    assert!(said.contains("The program does not compile."), "{said}");
    assert!(
        said.contains("src/main.rs:"),
        "the compiler's words: {said}"
    );

    // What the hand-out gave, handed in again; and a side that is missing.
    let starter = grader.root.join("source-of-starter");
    make("dsd-sum", &["--starter"], &path(&starter));
    let unwritten = fs::read_to_string(starter.join(SERVER)).unwrap();
    grader.submit(&[("server.rs", unwritten)]);
    let nothing = gradescope_tests(&grader.gradescope());
    assert_eq!(nothing.len(), points);
    assert!(
        nothing.iter().all(|(_, score, _)| *score == 0),
        "{nothing:?}"
    );
    let said = |side: &str| {
        let mut of = nothing.iter().filter(|(name, ..)| name.starts_with(side));
        of.next().expect("each side has its tests").2.clone()
    };
    assert!(
        said("server").contains("not yet implemented: write step"),
        "{}",
        said("server")
    );
    assert!(
        said("client").contains("The client is missing."),
        "{}",
        said("client")
    );
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
#[cfg_attr(
    not(no_python),
    ignore = "takes minutes: cargo test -p tests --test handout -- --include-ignored"
)]
fn classroom50_gets_the_result_that_its_contract_wants() {
    let lanes = Lanes::new();
    let scratch = Scratch::for_builds("classroom50");
    let kind = ["--python", "--with-results", "classroom50"];
    let grader = Autograder::new(&lanes, &scratch, "dsd-sum", &kind);
    let runtime = fs::read(grader.root.join("source/runtime.json")).unwrap();
    let runtime: Value = serde_json::from_slice(&runtime).expect("it is JSON");
    assert_eq!(runtime["rust"], "stable");

    let server = program_text("dsd-sum-server", "twin.py");
    let client = program_text("dsd-sum-client", "twin.py");
    grader.submit(&[
        ("crates/dsd-sum-server/twin.py", server.clone()),
        ("client.py", client.clone()),
    ]);
    let right = grader.classroom50().unwrap();
    valid_result(&right);
    assert_eq!(right["score"], right["max-score"], "{right}");

    grader.submit(&[
        ("server.py", "import sys; sys.exit(3)".to_string()),
        ("client.py", client),
    ]);
    let wrong = grader.classroom50().unwrap();
    valid_result(&wrong);
    assert_eq!(wrong["max-score"], right["max-score"]);
    for test in wrong["tests"].as_array().unwrap() {
        let name = test["test-name"].as_str().unwrap();
        assert_eq!(test["passed"], name.starts_with("client"), "{test}");
    }

    // Two files of which each could be the server: nobody guesses.
    grader.submit(&[("a/server.py", server.clone()), ("b/server.py", server)]);
    let two = grader.classroom50().unwrap();
    valid_result(&two);
    assert_eq!(two["score"], 0);
    let said = two["tests"][0]["output"].as_str().unwrap();
    assert!(said.contains("a/server.py, b/server.py"), "{said}");

    // Without the check there is no result, and the exit code says so to the runner.
    fs::remove_file(grader.root.join("source/crates/lab-check/Cargo.toml")).unwrap();
    fs::remove_file(grader.root.join("submission/result.json")).unwrap();
    let failed = grader.classroom50().unwrap_err();
    assert!(failed.contains("the autograder itself failed"), "{failed}");
    assert!(!grader.root.join("submission/result.json").exists());
}

/// What classroom50's runner and its collector look at before they take a result.
fn valid_result(result: &Value) {
    assert_eq!(result["schema"], "classroom50/result/v1");
    assert_eq!(result["classroom"], "networks");
    assert_eq!(result["assignment"], "sum");
    let submission = result["submission"].as_str().expect("a text");
    assert!(submission.starts_with("submit/"), "{submission}");
    for field in ["commit", "release", "review", "datetime"] {
        assert!(
            !result[field].as_str().expect("a text").is_empty(),
            "{field}"
        );
    }
    let whole = |value: &Value| value.as_u64().expect("a whole number");
    let tests = result["tests"].as_array().expect("a list of tests");
    let sum = |field: &str| tests.iter().map(|test| whole(&test[field])).sum::<u64>();
    assert_eq!(whole(&result["score"]), sum("score"));
    assert_eq!(whole(&result["max-score"]), sum("max-score"));
    for test in tests {
        assert!(!test["test-name"].as_str().expect("a text").is_empty());
        assert!(test["passed"].is_boolean());
        assert!(whole(&test["score"]) <= whole(&test["max-score"]));
    }
}
