//! The autograders, with submissions.

use super::*;

/// A grading platform's folders, with the autograder
/// of an exercise unpacked as the platform does it.
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
            fs::create_dir_all(file.parent().expect("a file is in a folder"))
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

/// The tests of a results.json: name, whether it passed, output.
fn gradescope_tests(results: &Value) -> Vec<(String, bool, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_string();
    let number = |value: &Value| value.as_f64().expect("a number");
    let mut sum = 0.0;
    let tests = results["tests"].as_array().expect("a list of tests");
    let tests = tests.iter().map(|test| {
        assert_eq!(test["visibility"], "visible");
        let passed = test["status"] == "passed";
        // Only what the sheet asks for counts.
        let counts = test["tags"][0] == "sheet";
        assert_eq!(test.get("max_score").is_some(), counts, "{test}");
        if counts {
            let (score, most) = (number(&test["score"]), number(&test["max_score"]));
            assert!(most > 0.0 && score <= most, "{test}");
            assert_eq!(passed, score >= most, "{test}");
            sum += score;
        }
        (text(&test["name"]), passed, text(&test["output"]))
    });
    let tests: Vec<_> = tests.collect();
    let score = number(&results["score"]);
    assert!((score - sum).abs() < 0.01, "{score} is not {sum}");
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
    // In its folders, below one more, next to what an autograder must not take.
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
    assert!(right.iter().all(|(_, passed, _)| *passed), "{right:?}");

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
    for (name, passed, output) in &half {
        assert_eq!(*passed, name.starts_with("server"), "{name}: {output}");
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
    assert!(nothing.iter().all(|(_, passed, _)| !passed), "{nothing:?}");
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

    // A program in another language is not called missing.
    grader.submit(&[
        ("server.java", String::new()),
        ("src/client.rs", String::new()),
    ]);
    let other = grader.classroom50().unwrap();
    assert_eq!(other["score"], 0);
    let tests = other["tests"].as_array().unwrap();
    let said = |side: &str| {
        let of = |test: &&Value| test["test-name"].as_str().unwrap().starts_with(side);
        let test = tests.iter().find(of).expect("each side has its tests");
        test["output"].as_str().unwrap().to_string()
    };
    for (side, file) in [("server", "server.java"), ("client", "src/client.rs")] {
        let expected = format!("The {side} is in another language: {file}.");
        assert!(said(side).contains(&expected), "{}", said(side));
    }

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
