//! Hand-outs: each is a subset of this workspace that builds, runs and is tested on its own.
//!
//! The tests that build every hand-out take minutes and are ignored by default:
//! `cargo test -p tests --test handout -- --include-ignored`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tests::catalogue::{Entry, entries};
use tests::program::workspace;

/// How long the tests of a starter may take to fail.
const STARTER_PATIENCE: Duration = Duration::from_secs(120);

/// A folder outside the workspace, taken away at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("handout-{name}-{}", std::process::id()));
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

fn cargo(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO"))
        .args(args)
        .current_dir(folder)
        // What cargo told this test about its own package is not for the hand-out's.
        .env_remove("CARGO_MANIFEST_DIR")
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("cargo runs: it started this test")
}

fn handout(args: &[&str]) -> Output {
    let mut words = vec!["run", "--quiet", "-p", "lab", "--features", "handout"];
    words.extend(["--bin", "lab-handout", "--"]);
    words.extend(args);
    Command::new(env!("CARGO"))
        .args(words)
        .current_dir(workspace())
        .output()
        .expect("cargo runs: it started this test")
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
    let folder = workspace().join("crates/lab/src/check/exercises");
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
        let carried = |file: &str| {
            let of = ["crates/lab/", "crates/labnet/"];
            of.iter().any(|of| file.starts_with(of))
        };
        for (file, bytes) in files(Path::new(&folder)) {
            if file == "README.md" || file == "Cargo.lock" {
                continue;
            }
            let original = fs::read(workspace().join(&file));
            let original = original.unwrap_or_else(|error| panic!("{exercise}: {file}: {error}"));
            // A carried crate leaves whole lines behind; all else is the same, byte for byte.
            let same = match carried(&file) {
                true => {
                    let text = String::from_utf8_lossy(&original).into_owned();
                    let mut all = text.lines();
                    String::from_utf8_lossy(&bytes)
                        .lines()
                        .all(|line| all.any(|other| other == line))
                }
                false => bytes == original,
            };
            assert!(
                same,
                "{exercise}: {file} is not what it is in the workspace"
            );
        }
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

#[test]
fn a_starter_in_a_zip_is_small_and_all_of_them_are_made_quickly() {
    let scratch = Scratch::new("all");
    // Built before the clock starts.
    assert!(handout(&["--help"]).status.success());
    let start = Instant::now();
    let output = handout(&["--all", "--out", &scratch.path("dist")]);
    let time = start.elapsed();
    assert!(output.status.success(), "{}", all(&output));
    let made = files(&scratch.0.join("dist"));
    let names: Vec<String> = with_starter()
        .iter()
        .map(|name| format!("{name}.zip"))
        .collect();
    assert_eq!(made.keys().cloned().collect::<Vec<_>>(), names);
    for (name, bytes) in made {
        assert!(bytes.len() <= 60 * 1024, "{name} has {} bytes", bytes.len());
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

#[test]
#[ignore = "takes minutes: cargo test -p tests --test handout -- --include-ignored"]
fn every_solution_builds_and_passes_its_tests() {
    let scratch = Scratch::new("solutions");
    for exercise in with_starter() {
        let folder = scratch.path(&exercise);
        make(&exercise, &["--solution"], &folder);
        let folder = Path::new(&folder);
        let built = cargo(folder, &["build", "--locked", "--workspace"]);
        assert!(built.status.success(), "{exercise}: {}", all(&built));
        let tested = cargo(folder, &["test", "--locked", "-p", "tests"]);
        assert!(tested.status.success(), "{exercise}: {}", all(&tested));
        assert!(
            all(&tested).contains("test result: ok."),
            "{exercise} has no tests"
        );
    }
}

#[test]
#[ignore = "takes minutes: cargo test -p tests --test handout -- --include-ignored"]
fn every_starter_compiles_without_warnings_and_fails_its_tests_for_what_is_missing() {
    let scratch = Scratch::new("starters");
    for exercise in with_starter() {
        let folder = scratch.path(&exercise);
        make(&exercise, &["--starter"], &folder);
        let folder = Path::new(&folder);
        let built = cargo(folder, &["build", "--locked", "--workspace"]);
        assert!(built.status.success(), "{exercise}: {}", all(&built));
        assert!(
            !all(&built).contains("warning"),
            "{exercise}: {}",
            all(&built)
        );

        let start = Instant::now();
        let tested = cargo(
            folder,
            &["test", "--locked", "-p", "tests", "--test", &exercise],
        );
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
        fs::remove_dir_all(folder).expect("a folder of ours can be removed");
    }
}

#[test]
#[ignore = "takes minutes: cargo test -p tests --test handout -- --include-ignored"]
fn every_handout_with_its_crates_builds_offline() {
    let scratch = Scratch::new("offline");
    for exercise in with_starter() {
        let folder = scratch.path(&exercise);
        make(&exercise, &["--offline"], &folder);
        let built = cargo(
            Path::new(&folder),
            &["build", "--locked", "--offline", "--workspace"],
        );
        assert!(built.status.success(), "{exercise}: {}", all(&built));
        fs::remove_dir_all(&folder).expect("a folder of ours can be removed");
    }
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
