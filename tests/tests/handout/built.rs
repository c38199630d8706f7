//! Hand-outs that are unpacked, built and tested as a student does it.

use super::*;

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
#[cfg_attr(not(no_python), ignore = "takes ten seconds: .ci/run handouts")]
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
