//! Hand-outs that are unpacked, built and tested as a student does it.

use super::*;

/// The names under which `cargo lab check` knows an
/// exercise: a server and a client may have one each.
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

/// Every kind of hand-out of every exercise, one after another
/// in one folder a lane: what they share is built once.
#[test]
#[ignore = "takes minutes: .ci/run handouts"]
fn every_handout_builds_and_solutions_pass_and_starters_fail_for_what_is_missing() {
    let lanes = Lanes::new();
    let scratch = Scratch::for_builds("every");
    let all_exercises: Vec<String> = exercises().into_keys().collect();
    let (starters, checks) = (with_starter(), with_check());
    let has = |names: &[String], exercise: &str| names.iter().any(|name| name == exercise);
    lanes.for_each(&all_exercises, |exercise, target| {
        let lane = target.file_name().expect("a lane has a name");
        let place = Place {
            exercise,
            folder: &scratch.0.join(lane),
            target,
        };
        let checked = has(&checks, exercise);
        let check: &[&str] = if checked { &["--check"] } else { &[] };
        place.unpack(&[&["--solution"], check].concat());
        let names = solution_passes(&place, checked);
        goal::wrong_programs_fail(&place, &names);
        // The packages of the check are the same for every exercise.
        if checks.first().is_some_and(|first| first == exercise) {
            place.succeeds(&["test", "--locked", "--workspace"]);
        }
        if has(&starters, exercise) {
            place.unpack(&[&["--starter"], check].concat());
            starter_fails(&place, &names);
        }
        if has(&starters, exercise) && checked && !cfg!(no_python) {
            place.unpack(&["--python", "--check", "--solution"]);
            for name in &names {
                place.succeeds(&["lab", "check", name]);
            }
            place.unpack(&["--python", "--check"]);
            check_fails(&place, &names, "The mistake (not-written): ");
            first_command_shows_a_failure(&place);
            a_hint_helps_with_the_first_step(&place);
        }
    });
}

/// Where a lane's hand-outs are unpacked, one after another.
pub struct Place<'a> {
    pub exercise: &'a str,
    pub folder: &'a Path,
    target: &'a Path,
}

impl Place<'_> {
    /// Puts a hand-out in the last one's place. A file that is the same stays as it is, so cargo
    /// does not build it again.
    fn unpack(&self, kind: &[&str]) {
        let new = self.folder.with_extension("new");
        make(self.exercise, kind, &path(&new));
        let made = files(&new);
        fs::create_dir_all(self.folder).expect("a folder of ours can be made");
        let before = files(self.folder);
        for name in before.keys().filter(|name| !made.contains_key(*name)) {
            fs::remove_file(self.folder.join(name)).expect("a file of ours can be removed");
        }
        for (name, bytes) in &made {
            if before.get(name) != Some(bytes) {
                let file = self.folder.join(name);
                fs::create_dir_all(file.parent().expect("a file is in a folder"))
                    .expect("a folder of ours can be made");
                fs::write(file, bytes).expect("a file of ours can be written");
            }
        }
        remove_empty_folders(self.folder);
        fs::remove_dir_all(&new).expect("a folder of ours can be removed");
    }

    pub fn cargo(&self, args: &[&str]) -> Output {
        cargo(self.folder, self.target, args)
    }

    fn succeeds(&self, args: &[&str]) -> String {
        let output = self.cargo(args);
        let text = all(&output);
        assert!(
            output.status.success(),
            "{} {args:?}: {text}",
            self.exercise
        );
        text
    }
}

/// A folder of a package without its manifest would be an error to cargo.
fn remove_empty_folders(folder: &Path) {
    for item in fs::read_dir(folder).expect("a folder of ours can be read") {
        let path = item.expect("an entry can be read").path();
        if path.is_dir() {
            remove_empty_folders(&path);
            // Fails where something is in it.
            let _not_empty = fs::remove_dir(&path);
        }
    }
}

/// Gives the names under which the check knows the exercise.
fn solution_passes(place: &Place<'_>, checked: bool) -> Vec<String> {
    builds(place.exercise, place.folder, place.target, &["--locked"]);
    let tested = place.succeeds(&["test", "--locked", "-p", "tests"]);
    assert!(
        tested.contains("test result: ok."),
        "{} has no tests",
        place.exercise
    );
    let names = match checked {
        true => checked_as(place.folder, place.target),
        false => Vec::new(),
    };
    for name in &names {
        place.succeeds(&["lab", "check", name]);
    }
    names
}

fn starter_fails(place: &Place<'_>, names: &[String]) {
    builds(place.exercise, place.folder, place.target, &["--locked"]);
    fails_its_tests(place.exercise, place.folder, place.target);
    check_fails(place, names, "The mistake (not-written): ");
    if !names.is_empty() {
        goal::readme_names_every_case(place, names);
        first_command_shows_a_failure(place);
        a_hint_helps_with_the_first_step(place);
    }
}

fn check_fails(place: &Place<'_>, names: &[String], reason: &str) {
    for name in names {
        let checked = place.cargo(&["lab", "check", name]);
        let text = all(&checked);
        assert_eq!(checked.status.code(), Some(1), "{name}: {text}");
        assert!(text.contains(reason), "{name}: {text}");
    }
}

/// What a student does first: the first command of the
/// README, until it shows the first case that fails.
fn first_command_shows_a_failure(place: &Place<'_>) {
    let readme = fs::read_to_string(place.folder.join("README.md")).expect("there is a README");
    let (_, console) = readme.split_once("```console\n$ ").expect("a command");
    let line = console.lines().next().expect("a command");
    assert!(line.starts_with("cargo lab watch "), "{line}");
    let mut words = line.split(' ').skip(1);
    let mut command = Command::new(env!("CARGO"));
    command.args(&mut words).current_dir(place.folder);
    for_handout(&mut command, place.target);
    let mut running = tests::Program::new("cargo lab watch", command)
        .that_builds()
        .start();
    while !running.line().starts_with("FAIL  ") {}
    running.stop();
}

/// The first step of a starter is open; the second hint says where to look.
fn a_hint_helps_with_the_first_step(place: &Place<'_>) {
    let first = place.succeeds(&["lab", "hint", place.exercise]);
    assert!(
        first.contains(", step 1: ") && first.contains("\n1. "),
        "{first}"
    );
    assert!(!first.contains("\n2. "), "{first}");
    let more = place.succeeds(&["lab", "hint", place.exercise, "--more"]);
    assert!(more.contains("\n1. ") && more.contains("\n2. "), "{more}");
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

/// Without a network, and with a cargo that has never fetched anything.
#[test]
#[ignore = "takes minutes: .ci/run handouts"]
fn every_handout_with_its_crates_builds_from_nothing() {
    let lanes = Lanes::new();
    let scratch = Scratch::for_builds("offline");
    let (starters, checks) = (with_starter(), with_check());
    let all_exercises: Vec<String> = exercises().into_keys().collect();
    lanes.for_each(&all_exercises, |exercise, target| {
        let lane = target.file_name().expect("a lane has a name");
        // What was built of crates from elsewhere does not count.
        let target = &scratch.0.join("target").join(lane);
        let mut kind = vec!["--offline"];
        if !starters.iter().any(|name| name == exercise) {
            kind.push("--solution");
        }
        // The check's crates are the same for every exercise.
        if checks.first().is_some_and(|first| first == exercise) {
            kind.push("--check");
        }
        let place = Place {
            exercise,
            folder: &scratch.0.join("unpacked").join(lane),
            target,
        };
        place.unpack(&kind);
        let size: usize = files(place.folder).values().map(Vec::len).sum();
        // The middleware has TLS, which comes with the source of its cryptography.
        let most = match exercise {
            "transparency-middleware" => 55_000_000,
            _ => 35_000_000,
        };
        assert!(size <= most, "{exercise}: {size} bytes");
        let home = scratch.0.join("home").join(lane);
        fs::create_dir_all(&home).expect("a folder of ours can be made");
        let mut commands = vec![&["build", "--workspace", "--locked"][..]];
        // The harness of the tests is the same for every exercise.
        if kind.contains(&"--check") {
            commands.push(&["test", "--locked", "-p", "tests", "--no-run"]);
        }
        for command in commands {
            let built = from_nothing(&place, &home, command);
            assert!(built.status.success(), "{exercise}: {}", all(&built));
        }
    });
}

/// Runs cargo with an empty `CARGO_HOME`; on Linux in a network that leads nowhere.
fn from_nothing(place: &Place<'_>, home: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO"));
    command.args(args).current_dir(place.folder);
    for_handout(&mut command, place.target);
    command.env("CARGO_HOME", home);
    // What a thread starts is in the thread's network.
    let run = || {
        if lab_netns::available() {
            lab_netns::enter(std::net::Ipv4Addr::LOCALHOST.into()).expect("a network can be made");
        }
        command.output().expect("cargo runs: it started this test")
    };
    thread::scope(|scope| scope.spawn(run).join()).expect("the thread comes to its end")
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
                if kind == "--starter" && !file.ends_with("LICENSE-MIT") {
                    let text = String::from_utf8_lossy(&bytes);
                    for missing in ["cargo run", "cargo lab ", ".rs", "crates/", "labnet"] {
                        assert!(
                            !text.contains(missing),
                            "{exercise}: {file} speaks of {missing}"
                        );
                    }
                }
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
                    let whole = kind == "--solution" || file == "feedback.py";
                    assert_eq!(cut, !whole, "{exercise} {kind}: {file}");
                }
            }
            assert!(programs > 0, "{exercise} {kind} holds no program");
            feedback_is_right(&exercise, Path::new(&folder), kind == "--solution");
        }
    }
}

/// What `feedback.py` says of a hand-out without a check: the first step of a starter, nothing of a
/// solution, and the line of a program that prints something else.
fn feedback_is_right(exercise: &str, folder: &Path, solution: bool) {
    let feedback = || {
        let python = if cfg!(windows) { "python" } else { "python3" };
        let mut command = Command::new(python);
        command.arg("feedback.py").current_dir(folder);
        let output = command.output().expect("python3 is there");
        (output.status.code(), all(&output))
    };
    let (code, said) = feedback();
    if !solution {
        assert_eq!(code, Some(1), "{exercise}: {said}");
        assert!(said.starts_with("next  "), "{exercise}: {said}");
        assert!(said.contains("/twin.py: write step"), "{exercise}: {said}");
        return;
    }
    assert_eq!(code, Some(0), "{exercise}: {said}");
    let mut programs = files(folder)
        .into_keys()
        .filter(|file| file.ends_with("twin.py"));
    let program = folder.join(programs.next().expect("there is a program"));
    let text = fs::read_to_string(&program).expect("a program of ours can be read");
    fs::write(&program, format!("print('Hi')\n{text}")).expect("it can be written");
    let (code, said) = feedback();
    assert_eq!(code, Some(1), "{exercise}: {said}");
    assert!(said.contains("FAIL  "), "{exercise}: {said}");
    assert!(said.contains("printed   Hi\n"), "{exercise}: {said}");
}
