//! The house rules that a machine can check. Each is a function from texts to problems, with a test on the workspace
//! and one on a bad example: a rule that cannot fail is no rule.
//!
//! A problem is a line that says where it is, what is wrong and what to do.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tests::catalogue::{Entry, entries, lab_programs};
use tests::program::workspace;
use tests::rust;

/// The most lines that a lab program's `main.rs` has.
const MAIN_LIMIT: usize = 150;

fn assert_tidy(problems: &[String]) {
    assert!(problems.is_empty(), "\n\n{}\n", problems.join("\n"));
}

/// A file's text and its name from the workspace's root, with `/`.
fn file(path: &Path) -> (String, String) {
    let text = fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let name = path
        .strip_prefix(workspace())
        .unwrap_or(path)
        .display()
        .to_string();
    (name.replace('\\', "/"), text.replace("\r\n", "\n"))
}

/// Every text file that we keep, by the end of its name.
fn files(ends: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![workspace().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !["target", ".git", "__pycache__", "vendor"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if ends.iter().any(|end| name.ends_with(end)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The number of the first line that holds this text, from 1.
fn line_of(text: &str, part: &str) -> usize {
    text.lines()
        .position(|line| line.contains(part))
        .map_or(1, |place| place + 1)
}

fn cargo_metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn packages() -> Vec<Value> {
    cargo_metadata()["packages"].as_array().unwrap().clone()
}

fn folder(package: &Value) -> PathBuf {
    Path::new(package["manifest_path"].as_str().unwrap())
        .parent()
        .unwrap()
        .to_path_buf()
}

// Manifests

/// Folder = package = binary.
fn misnamed(folder: &str, package: &Value) -> Vec<String> {
    let name = package["name"].as_str().unwrap();
    let mut problems = Vec::new();
    if folder != name {
        problems.push(format!(
            "{folder}/Cargo.toml:2: the package is {name}: call it as its folder, {folder}"
        ));
    }
    for target in package["targets"].as_array().unwrap() {
        let binary = target["kind"]
            .as_array()
            .unwrap()
            .iter()
            .any(|kind| kind == "bin");
        let called = target["name"].as_str().unwrap();
        // What one command of a program needs is built for that command: a binary of its own, behind a feature.
        let extra =
            called.starts_with(&format!("{name}-")) && target["required-features"].is_array();
        if binary && called != name && !extra {
            problems.push(format!(
                "{folder}/Cargo.toml:1: the binary {called} is not called as its package, {name}"
            ));
        }
    }
    problems
}

#[test]
fn folder_package_and_binary_have_one_name() {
    let problems = packages().into_iter().flat_map(|package| {
        let folder = folder(&package);
        misnamed(&folder.file_name().unwrap().to_string_lossy(), &package)
    });
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn a_package_or_binary_of_another_name_is_found() {
    let package = serde_json::json!({
        "name": "a", "targets": [{ "name": "b", "kind": ["bin"] }, { "name": "c", "kind": ["test"] }],
    });
    assert_eq!(misnamed("folder", &package).len(), 2);
    let binary = |name: &str, features: &[&str]| {
        let features = (!features.is_empty()).then_some(features);
        serde_json::json!({ "name": name, "kind": ["bin"], "required-features": features })
    };
    let package = |targets: &[Value]| serde_json::json!({ "name": "a", "targets": targets });
    let good = package(&[binary("a", &[]), binary("a-b", &["b"])]);
    assert!(misnamed("a", &good).is_empty());
    assert_eq!(misnamed("a", &package(&[binary("a-b", &[])])).len(), 1);
    assert_eq!(misnamed("a", &package(&[binary("b", &["b"])])).len(), 1);
}

/// A manifest inherits lints, the common fields, and every dependency's version.
fn not_inherited(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if !text.contains("\n[lints]\nworkspace = true\n") {
        problems.push(format!(
            "{name}:1: no lints: add [lints] with workspace = true"
        ));
    }
    for field in ["version", "edition", "rust-version", "license", "publish"] {
        if !text
            .lines()
            .any(|line| line == format!("{field}.workspace = true"))
        {
            let line = line_of(text, &format!("{field} "));
            problems.push(format!(
                "{name}:{line}: {field} is not inherited: write {field}.workspace = true"
            ));
        }
    }
    if !text.contains("\ndescription = \"") {
        problems.push(format!(
            "{name}:1: no description: say in a sentence what the package is"
        ));
    }
    let mut dependencies = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with('[') {
            dependencies = line.ends_with("dependencies]");
        } else if dependencies
            && line.contains('=')
            && !line.starts_with('#')
            && !line.contains("workspace = true")
        {
            problems.push(format!(
                "{name}:{number}: the version stands here: put it into [workspace.dependencies] and say workspace = true"
            ));
        }
    }
    problems
}

#[test]
fn manifests_inherit_lints_fields_and_versions() {
    let problems = packages().into_iter().flat_map(|package| {
        let (name, text) = file(&folder(&package).join("Cargo.toml"));
        not_inherited(&name, &text)
    });
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn a_manifest_that_goes_its_own_way_is_found() {
    let (_, good) = file(&workspace().join("tests/Cargo.toml"));
    assert!(not_inherited("x", &good).is_empty());
    let bad = |from: &str, to: &str| {
        let changed = good.replacen(from, to, 1);
        assert_ne!(changed, good, "{from} is not in the example");
        not_inherited("x/Cargo.toml", &changed).join("\n")
    };
    assert!(bad("[lints]\nworkspace = true\n", "").contains("no lints"));
    assert!(
        bad("license.workspace = true", "license = \"MIT\"").contains("license is not inherited")
    );
    assert!(
        bad("socket2.workspace = true", "socket2 = \"0.6\"").contains("the version stands here")
    );
    assert!(bad("\ndescription", "\n# description").contains("no description"));
}

/// A description for `cargo lab` is complete, has no unknown keys, and both sides of an exercise are there.
fn incomplete(entries: &[Entry]) -> Vec<String> {
    const TEXTS: [&str; 6] = ["sheet", "exercise", "title", "role", "python", "teaches"];
    const OTHERS: [&str; 8] = [
        "order",
        "calls",
        "args",
        "address",
        "needs",
        "interactive",
        "one-shot",
        "engine",
    ];
    let mut problems = Vec::new();
    for entry in entries {
        let at = format!(
            "crates/{}/Cargo.toml:1: [package.metadata.lab]",
            entry.package
        );
        let table = entry.metadata.as_object().unwrap();
        for key in TEXTS {
            if table
                .get(key)
                .and_then(Value::as_str)
                .is_none_or(|text| text.trim().is_empty())
            {
                problems.push(format!("{at} has no {key}: give it a text"));
            }
        }
        if !table.get("order").is_some_and(Value::is_u64) {
            problems.push(format!(
                "{at} has no order: give it the exercise's place on the sheet, a number"
            ));
        }
        let calls = table.get("calls").and_then(Value::as_array);
        if calls.is_none_or(|calls| calls.is_empty() || !calls.iter().all(Value::is_string)) {
            problems.push(format!(
                "{at} has no calls: list the system calls to be met"
            ));
        }
        for key in table.keys() {
            if !TEXTS.contains(&key.as_str()) && !OTHERS.contains(&key.as_str()) {
                problems.push(format!(
                    "{at} has an unknown key, {key}: crates/lab/src/catalogue.rs describes the keys"
                ));
            }
        }
        let other = match entry.role.as_str() {
            "server" => "client",
            "client" => "server",
            _ => continue,
        };
        if !entries
            .iter()
            .any(|e| e.exercise == entry.exercise && e.role == other)
        {
            let exercise = &entry.exercise;
            problems.push(format!(
                "{at}: the exercise {exercise} has no {other}: both sides name the same exercise"
            ));
        }
    }
    problems
}

#[test]
fn descriptions_are_complete() {
    assert_tidy(&incomplete(&entries()));
}

#[test]
fn an_incomplete_description_is_found() {
    let good = entries();
    let spoiled = |key: &str, value: Value| {
        let mut entries = good.clone();
        let place = entries
            .iter()
            .position(|entry| entry.role == "server")
            .unwrap();
        entries[place].metadata[key] = value;
        incomplete(&entries).join("\n")
    };
    assert!(spoiled("teaches", Value::from(" ")).contains("has no teaches"));
    assert!(spoiled("order", Value::from("4")).contains("has no order"));
    assert!(spoiled("calls", Value::from("bind")).contains("has no calls"));
    assert!(spoiled("tiltle", Value::from("x")).contains("an unknown key, tiltle"));
    let mut lonely = good.clone();
    lonely.retain(|entry| entry.role != "client");
    assert!(incomplete(&lonely).join("\n").contains("has no client"));
}

/// Dependencies among our packages point one way: programs to labnet, nothing to `lab`.
fn wrong_way(package: &str, program: bool, needs: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    for other in needs {
        let why = match *other {
            "lab" | "tests" => "nothing depends on it",
            _ if package == "labnet" => "labnet stands at the bottom",
            _ if program && *other != "labnet" => {
                "a lab program uses labnet and no other package of ours"
            }
            _ => continue,
        };
        problems.push(format!(
            "crates/{package}/Cargo.toml:1: {package} depends on {other}: {why}"
        ));
    }
    problems
}

#[test]
fn dependencies_point_one_way() {
    let programs: BTreeSet<String> = lab_programs()
        .into_iter()
        .map(|entry| entry.package)
        .collect();
    let packages = packages();
    let ours: BTreeSet<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    let problems = packages.iter().flat_map(|package| {
        let name = package["name"].as_str().unwrap();
        let needs: Vec<&str> = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|needed| ours.contains(needed))
            .collect();
        wrong_way(name, programs.contains(name), &needs)
    });
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn a_dependency_that_points_the_other_way_is_found() {
    assert_eq!(wrong_way("dsd-sum-server", true, &["labnet"]), [""; 0]);
    assert_eq!(
        wrong_way("dsd-sum-server", true, &["dsd-sum-client"]).len(),
        1
    );
    assert_eq!(wrong_way("labnet", false, &["dsd-sum-client"]).len(), 1);
    assert_eq!(wrong_way("router", false, &["middleware", "lab"]).len(), 1);
}

// Programs

/// The header of a lab program, in the house order: what it is; Python; terminals; what you see; safety.
fn bad_header(name: &str, text: &str, server: Option<&str>, own: &str) -> Vec<String> {
    let header: Vec<&str> = text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .collect();
    let mut problems = Vec::new();
    let mut problem = |line: usize, what: &str| problems.push(format!("{name}:{line}: {what}"));
    if !header.first().is_some_and(|line| line.ends_with('.')) {
        problem(1, "begin with a sentence that says what the program is");
    }
    if header.get(1) != Some(&"//!") {
        problem(2, "an empty line stands between that sentence and the rest");
    }
    let terminals = if server.is_some() { 2 } else { 1 };
    let keys = ["Python", "Terminal 1", "Terminal 2", "You see", "Safety"];
    let keys = keys
        .iter()
        .filter(|key| terminals == 2 || **key != "Terminal 2");
    let mut place = 2;
    for key in keys {
        let Some(line) = header.get(place) else {
            problem(place + 1, &format!("the header lacks `{key}:`"));
            return problems;
        };
        let Some(value) = line.strip_prefix(&format!("//! {key}:")) else {
            problem(
                place + 1,
                &format!(
                    "`{key}:` belongs here: the order is Python, Terminal 1, Terminal 2, You see, Safety"
                ),
            );
            return problems;
        };
        let package = match (*key, server) {
            ("Terminal 1", Some(server)) => Some(server),
            ("Terminal 1", None) | ("Terminal 2", _) => Some(own),
            _ => None,
        };
        if let Some(package) = package {
            let command = value
                .trim()
                .strip_prefix('`')
                .and_then(|value| value.strip_suffix('`'));
            let wanted = format!("cargo run -p {package}");
            let right = command.and_then(|command| command.strip_prefix(&wanted));
            if !right.is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')) {
                problem(
                    place + 1,
                    &format!("the command is `{wanted}`, perhaps with arguments, and nothing else"),
                );
            }
        } else if value.trim().is_empty() {
            problem(place + 1, &format!("`{key}:` says nothing"));
        }
        place += 1;
        // A value may go on, indented.
        while header
            .get(place)
            .is_some_and(|line| line.starts_with("//!      "))
        {
            place += 1;
        }
    }
    problems
}

/// Server and client of the program's exercise; the program itself where it is alone.
fn sides(entry: &Entry, entries: &[Entry]) -> (Option<String>, String) {
    let with = |role: &str| {
        let found = entries
            .iter()
            .find(|e| e.exercise == entry.exercise && e.role == role);
        found.map(|e| e.package.clone())
    };
    (
        with("server"),
        with("client").unwrap_or_else(|| entry.package.clone()),
    )
}

#[test]
fn headers_have_the_house_order_and_the_right_commands() {
    let entries = entries();
    let problems = lab_programs().into_iter().flat_map(|entry| {
        let (name, text) = file(&entry.folder.join("src/main.rs"));
        let (server, own) = sides(&entry, &entries);
        bad_header(&name, &text, server.as_deref(), &own)
    });
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn a_header_out_of_order_or_with_a_wrong_command_is_found() {
    const GOOD: &str = "//! Does it.\n//!\n//! Python:     `twin.py`\n//! Terminal 1: `cargo run -p s`\n\
                        //! Terminal 2: `cargo run -p c 1 2`\n//! You see:    much,\n//!             and more\n\
                        //! Safety:     high\n\nfn main() {}\n";
    let check = |text: &str| bad_header("x", text, Some("s"), "c").join("\n");
    assert_eq!(check(GOOD), "");
    assert!(check(&GOOD.replace("it.", "it")).contains("x:1: begin with a sentence"));
    assert!(
        check(&GOOD.replace("-p s`", "-p sum`")).contains("x:4: the command is `cargo run -p s`")
    );
    assert!(
        check(&GOOD.replace("-p c 1", "-p cc 1")).contains("x:5: the command is `cargo run -p c`")
    );
    assert!(check(&GOOD.replace("`cargo run -p s`", "cargo run -p s")).contains("x:4"));
    assert!(check(&GOOD.replace("//! Safety:     high\n", "")).contains("lacks `Safety:`"));
    assert!(
        check(&GOOD.replace("//! Python:     `twin.py`\n", ""))
            .contains("x:3: `Python:` belongs here")
    );
    assert!(check(&GOOD.replace("high", "")).contains("`Safety:` says nothing"));
    let alone = GOOD
        .replace("//! Terminal 2: `cargo run -p c 1 2`\n", "")
        .replace("-p s", "-p c");
    assert_eq!(bad_header("x", &alone, None, "c"), [""; 0]);
    assert!(!bad_header("x", GOOD, None, "c").is_empty());
}

/// The numbered steps of a program: line, number, words.
fn steps<'a>(text: &'a str, marker: &str) -> Vec<(usize, usize, &'a str)> {
    let step = |line: &'a str| {
        let (number, words) = line
            .trim()
            .strip_prefix(marker)?
            .trim_start()
            .split_once(". ")?;
        Some((number.parse().ok()?, words))
    };
    (1..)
        .zip(text.lines())
        .filter_map(|(number, line)| step(line).map(|(step, words)| (number, step, words)))
        .collect()
}

/// Both programs have the same steps in the same order. Their numbers are the order: a function stands below `main`
/// in Rust and above its call in Python.
fn different_steps(folder: &str, rust: &str, python: &str) -> Vec<String> {
    let (main, twin) = (format!("{folder}/src/main.rs"), format!("{folder}/twin.py"));
    let mut ours = steps(rust, "//");
    ours.sort_by_key(|(_, number, _)| *number);
    let mut theirs = steps(python, "#");
    theirs.sort_by_key(|(_, number, _)| *number);
    let mut problems = Vec::new();
    if ours.is_empty() {
        problems.push(format!(
            "{main}:1: no steps: mark them, `// 1. Create the socket`"
        ));
    }
    // The first that is not the next: missing before it, or there twice.
    if let Some((expected, (line, number, _))) = (1..)
        .zip(&ours)
        .find(|(expected, step)| *expected != step.1)
    {
        problems.push(format!(
            "{main}:{line}: step {number} is where step {expected} should be: number them 1, 2, 3"
        ));
    }
    for (place, (line, number, words)) in ours.iter().enumerate() {
        match theirs.get(place) {
            None => problems.push(format!(
                "{twin}:1: step {number} is missing: # {number}. {words}"
            )),
            Some((other_line, other_number, other)) => {
                if (other_number, other) != (number, words) {
                    problems.push(format!(
                        "{twin}:{other_line}: `{other_number}. {other}`, but {main}:{line} says `{number}. {words}`"
                    ));
                }
            }
        }
    }
    for (line, number, words) in theirs.iter().skip(ours.len()) {
        problems.push(format!(
            "{twin}:{line}: `{number}. {words}` is not in {main}"
        ));
    }
    problems
}

#[test]
fn main_and_twin_have_the_same_steps() {
    let problems = lab_programs().into_iter().flat_map(|entry| {
        let (_, rust) = file(&entry.folder.join("src/main.rs"));
        let (_, python) = file(&entry.folder.join("twin.py"));
        different_steps(&format!("crates/{}", entry.package), &rust, &python)
    });
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn steps_that_differ_are_found() {
    const RUST: &str = "// 1. Create\nlet a;\n    // 2. Bind it\n// because\n";
    const PYTHON: &str = "def f():\n    # 2. Bind it\n# 1. Create\n";
    let check = |rust: &str, python: &str| different_steps("x", rust, python).join("\n");
    assert_eq!(check(RUST, PYTHON), "");
    assert_eq!(
        check(RUST, &PYTHON.replace("it", "her")),
        "x/twin.py:2: `2. Bind her`, but x/src/main.rs:3 says `2. Bind it`"
    );
    assert!(check(RUST, "# 1. Create\n").contains("x/twin.py:1: step 2 is missing"));
    assert!(check("// 1. Create\n", PYTHON).contains("`2. Bind it` is not in x/src/main.rs"));
    assert_eq!(check("// 2. Bind it\n// 1. Create\n", PYTHON), "");
    for numbers in [["1", "1"], ["1", "3"], ["0", "1"]] {
        let rust = format!("// {}. Create\n// {}. Bind it\n", numbers[0], numbers[1]);
        assert!(
            check(&rust, PYTHON).contains("should be: number them"),
            "{numbers:?}"
        );
    }
    assert!(check("", "").contains("no steps"));
}

/// `unwrap` nowhere, `expect` only with a reason.
fn unwraps(name: &str, text: &str) -> Vec<String> {
    // By custom the tests are the end of a file.
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    let code: Vec<&str> = code
        .lines()
        .map(|line| line.split("//").next().unwrap_or(line))
        .collect();
    let mut problems = Vec::new();
    for (place, line) in code.iter().enumerate() {
        let number = place + 1;
        if line.contains(".unwrap()") {
            problems.push(format!(
                "{name}:{number}: unwrap in a program: pass the error on with ? and a context"
            ));
        }
        if let Some((_, rest)) = line.split_once(".expect(") {
            let rest = if rest.trim().is_empty() {
                code.get(place + 1).copied().unwrap_or("")
            } else {
                rest
            };
            let reason = rest
                .trim_start()
                .strip_prefix('"')
                .and_then(|rest| rest.split('"').next());
            if reason.is_none_or(|reason| reason.split_whitespace().count() < 3) {
                problems.push(format!(
                    "{name}:{number}: expect without a reason: say why it cannot fail"
                ));
            }
        }
    }
    problems
}

#[test]
fn programs_unwrap_nothing() {
    let mut problems = Vec::new();
    let mut folders: Vec<String> = ["lab", "labnet"].map(str::to_string).into();
    folders.extend(lab_programs().into_iter().map(|entry| entry.package));
    for path in files(&[".rs"]) {
        let (name, text) = file(&path);
        if folders
            .iter()
            .any(|folder| name.starts_with(&format!("crates/{folder}/src/")))
        {
            problems.extend(unwraps(&name, &text));
        }
    }
    assert_tidy(&problems);
}

#[test]
fn an_unwrap_or_an_expect_without_a_reason_is_found() {
    assert_eq!(
        unwraps("x", "a.unwrap_or(1); // never .unwrap()\n"),
        [""; 0]
    );
    assert_eq!(
        unwraps("x", "a.expect(\"the list is never empty\")\n"),
        [""; 0]
    );
    assert_eq!(
        unwraps("x", "a.expect(\n    \"the list is never empty\",\n)\n"),
        [""; 0]
    );
    assert_eq!(
        unwraps("x", "#[cfg(test)]\nmod tests { a.unwrap() }\n"),
        [""; 0]
    );
    assert!(unwraps("x", "\n  a.unwrap();\n")[0].starts_with("x:2: unwrap in a program"));
    assert!(unwraps("x", "a.expect(\"failed\");\n")[0].starts_with("x:1: expect without a reason"));
    assert!(unwraps("x", "a.expect(&why);\n")[0].starts_with("x:1: expect without a reason"));
}

fn too_long(name: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    let problem = format!(
        "{name}:{MAIN_LIMIT}: {lines} lines: a lab program has at most {MAIN_LIMIT}; move helpers to a module"
    );
    if lines > MAIN_LIMIT {
        vec![problem]
    } else {
        Vec::new()
    }
}

#[test]
fn programs_are_short() {
    let problems = lab_programs().into_iter().flat_map(|entry| {
        let (name, text) = file(&entry.folder.join("src/main.rs"));
        too_long(&name, &text)
    });
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn a_long_program_is_found() {
    assert_eq!(too_long("x", &"line\n".repeat(MAIN_LIMIT)), [""; 0]);
    assert_eq!(too_long("x", &"line\n".repeat(MAIN_LIMIT + 1)).len(), 1);
}

#[test]
fn every_lab_program_has_a_twin_and_every_package_a_readme() {
    let mut problems = Vec::new();
    for entry in lab_programs() {
        if !entry.folder.join("twin.py").exists() {
            problems.push(format!(
                "crates/{0}:1: no twin.py: write {0} in Python",
                entry.package
            ));
        }
    }
    for package in packages() {
        // A library of a larger exercise is described where its programs are.
        let library = package["metadata"]["lab"]["role"] == "library";
        let folder = folder(&package);
        if folder.parent() != Some(workspace()) && !library && !folder.join("README.md").exists() {
            let name = package["name"].as_str().unwrap();
            problems.push(format!(
                "crates/{name}/README.md:1: write it: what this is, and how it is used"
            ));
        }
    }
    assert_tidy(&problems);
}

/// What Python finds wrong with these files: syntax newer than 3.8, or a module that is not its own.
fn bad_python(paths: &[PathBuf]) -> Vec<String> {
    const CHECK: &str = r#"
import ast, sys
own = getattr(sys, "stdlib_module_names", None)  # from 3.10 on
for path in sys.argv[1:]:
    try:
        tree = ast.parse(open(path, encoding="utf-8").read(), path, feature_version=(3, 8))
    except SyntaxError as error:
        print(f"{path}:{error.lineno}: {error.msg}: Python 3.8 has to take it")
        continue
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "." * node.level]
        else:
            continue
        for name in names:
            if own is not None and name.split(".")[0] not in own:
                print(f"{path}:{node.lineno}: {name} is not in the standard library: twins use nothing else")
"#;
    let python = if cfg!(windows) { "python" } else { "python3" };
    let output = Command::new(python)
        .args(["-c", CHECK])
        .args(paths)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_string)
        .collect()
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn twins_are_python_3_8_and_use_the_standard_library_alone() {
    let mut twins: Vec<PathBuf> = files(&["twin.py"]);
    // The twins of the middleware's programs are there to show that a WAMP library of others joins in.
    let on_a_library: Vec<PathBuf> = entries()
        .into_iter()
        .filter(|entry| ["service", "caller"].contains(&entry.role.as_str()))
        .map(|entry| entry.folder)
        .collect();
    twins.retain(|twin| !on_a_library.iter().any(|folder| twin.starts_with(folder)));
    assert!(!twins.is_empty());
    assert_tidy(&bad_python(&twins));
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn a_twin_that_python_3_8_cannot_run_is_found() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let bad = [
        ("match.py", "x = 1\nmatch x:\n    case 1: pass\n"),
        ("paren.py", "def f(:\n"),
        ("numpy.py", "import os, numpy.linalg\n"),
    ];
    let paths: Vec<PathBuf> = bad
        .iter()
        .map(|(name, text)| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            path
        })
        .collect();
    let problems = bad_python(&paths);
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert!(problems[0].contains("match.py:"), "{problems:#?}");
    assert!(problems[1].contains("paren.py:1: "), "{problems:#?}");
    assert!(
        problems[2].contains("numpy.py:1: numpy.linalg is not in the standard library"),
        "{problems:#?}"
    );
}

// Documents

/// What the commands in documents may name.
struct Known {
    root: PathBuf,
    packages: BTreeSet<String>,
    /// The client, or the program, of each exercise and package that `cargo lab run` takes.
    exercises: BTreeMap<String, String>,
    /// The sheets' own Python files, which are not here.
    sheets_files: BTreeSet<String>,
    /// The help of a program, or of a `cargo lab` command.
    help: Box<dyn Fn(Asked<'_>) -> String>,
}

#[derive(Clone, Copy)]
enum Asked<'a> {
    Program(&'a str),
    Lab(&'a str),
}

impl Known {
    /// The workspace as it is.
    fn here() -> Self {
        let entries = entries();
        let mut exercises = BTreeMap::new();
        for entry in &entries {
            if ["server", "client", "program"].contains(&entry.role.as_str()) {
                let (_, client) = sides(entry, &entries);
                exercises.insert(entry.exercise.clone(), client.clone());
                exercises.insert(entry.package.clone(), client);
            }
            // A larger exercise, told as a story: a router, a service and their caller.
            if entry.role == "caller" {
                exercises.insert(entry.exercise.clone(), entry.package.clone());
            }
        }
        let cache = std::cell::RefCell::new(BTreeMap::<String, String>::new());
        Known {
            root: workspace().to_path_buf(),
            packages: packages()
                .iter()
                .map(|p| p["name"].as_str().unwrap().to_string())
                .collect(),
            exercises,
            sheets_files: entries
                .iter()
                .map(|e| e.metadata["python"].as_str().unwrap().to_string())
                .collect(),
            help: Box::new(move |asked| {
                let (package, words) = match asked {
                    Asked::Program(package) => (package, vec!["--help"]),
                    Asked::Lab("") => ("lab", vec!["--help"]),
                    Asked::Lab(command) => ("lab", vec![command, "--help"]),
                };
                let key = format!("{package} {}", words.join(" "));
                if let Some(help) = cache.borrow().get(&key) {
                    return help.clone();
                }
                let help = rust(package).args(&words).run().stdout;
                cache.borrow_mut().insert(key, help.clone());
                help
            }),
        }
    }

    /// What is wrong with a command line; pipes and lists of commands are taken apart.
    fn problems(&self, line: &str) -> Vec<String> {
        commands_of(line)
            .iter()
            .flat_map(|words| self.command(words))
            .collect()
    }

    fn command(&self, words: &[String]) -> Vec<String> {
        // NAME=value before a command sets a variable.
        let words: Vec<&str> = words
            .iter()
            .map(String::as_str)
            .skip_while(|word| {
                word.split_once('=')
                    .is_some_and(|(name, _)| is_placeholder(name))
            })
            .collect();
        match &words[..] {
            ["cargo", "lab", rest @ ..] => self.lab(rest),
            ["cargo", "run", rest @ ..] => self.run(rest),
            ["cargo", rest @ ..] => self.cargo(rest),
            ["python3" | "python", rest @ ..] => self.python(rest),
            _ => Vec::new(),
        }
    }

    fn package(&self, name: &str) -> Option<String> {
        let known = self.packages.contains(name) || is_placeholder(name);
        (!known).then(|| format!("there is no package {name}"))
    }

    /// `cargo run -p PACKAGE [--] WORDS`
    fn run(&self, words: &[&str]) -> Vec<String> {
        let (mut package, mut example) = (None, None);
        let mut words = words.iter();
        let mut rest: Vec<&str> = Vec::new();
        while let Some(word) = words.next() {
            match *word {
                "-p" | "--package" => package = words.next().copied(),
                "--example" => example = words.next().copied(),
                "-q" | "--quiet" | "-r" | "--release" | "--locked" | "--offline" => {}
                "--" => rest.extend(words.by_ref()),
                // From the program's first word on, cargo leaves everything to it.
                word if !word.starts_with('-') || word == "-" => {
                    rest.push(word);
                    rest.extend(words.by_ref());
                }
                word => return vec![format!("cargo takes {word} for its own: put -- before it")],
            }
        }
        let Some(package) = package else {
            return vec!["cargo run needs -p PACKAGE here, there are many programs".to_string()];
        };
        if let Some(problem) = self.package(package) {
            return vec![problem];
        }
        if let Some(example) = example {
            let path = self
                .root
                .join(format!("crates/{package}/examples/{example}.rs"));
            return match path.exists() {
                true => Vec::new(),
                false => vec![format!("{package} has no example {example}")],
            };
        }
        self.options(&rest, Asked::Program(package), package)
    }

    /// `cargo lab COMMAND …`
    fn lab(&self, words: &[&str]) -> Vec<String> {
        let [command, rest @ ..] = words else {
            return Vec::new();
        };
        if command.starts_with('-') {
            return self.options(words, Asked::Lab(""), "cargo lab");
        }
        if is_placeholder(command) {
            return Vec::new();
        }
        let commands = (self.help)(Asked::Lab(""));
        if !commands
            .lines()
            .any(|line| line.split_whitespace().next() == Some(command))
        {
            return vec![format!("cargo lab has no command {command}")];
        }
        let help = (self.help)(Asked::Lab(command));
        let name = format!("cargo lab {command}");
        let split = rest
            .iter()
            .position(|word| *word == "--")
            .unwrap_or(rest.len());
        let (own, after) = rest.split_at(split);
        let mut problems = self.options(own, Asked::Lab(command), &name);
        if *command == "run" {
            let mut own = own.iter();
            let mut exercise = None;
            while let Some(word) = own.next() {
                if word.starts_with('-') {
                    if !word.contains('=') && help.contains(&format!("[{word} <")) {
                        own.next();
                    }
                } else {
                    exercise = exercise.or(Some(*word));
                }
            }
            match exercise {
                // The bare words speak of the command.
                None if rest.is_empty() || own_help(rest) => {}
                None => problems.push("cargo lab run needs an exercise".to_string()),
                Some(name) if is_placeholder(name) => {}
                Some(name) => match self.exercises.get(name) {
                    None => problems.push(format!("there is no exercise {name}")),
                    Some(client) => {
                        let after = after.get(1..).unwrap_or_default();
                        problems.extend(self.options(after, Asked::Program(client), client));
                    }
                },
            }
        }
        problems
    }

    /// Another cargo command: its packages and tests exist.
    fn cargo(&self, words: &[&str]) -> Vec<String> {
        const COMMANDS: [&str; 16] = [
            "add", "bench", "build", "check", "clean", "clippy", "doc", "fetch", "fmt", "help",
            "install", "metadata", "test", "tree", "update", "vendor",
        ];
        let Some(command) = words.first() else {
            return Vec::new();
        };
        if is_placeholder(command) || command.starts_with('-') {
            return Vec::new();
        }
        if !COMMANDS.contains(command) {
            return vec![format!(
                "cargo has no command {command} that this workspace uses"
            )];
        }
        let mut problems = Vec::new();
        for pair in words.windows(2) {
            match pair {
                ["-p" | "--package", package] => problems.extend(self.package(package)),
                ["--test", test] if !is_placeholder(test) => {
                    // A file in a folder of tests, or there a folder with a main.rs.
                    let file = format!("tests/{test}.rs");
                    let folder = format!("tests/{test}/main.rs");
                    let found = files(&[&format!("{test}.rs"), "main.rs"]);
                    if !found
                        .iter()
                        .any(|path| path.ends_with(&file) || path.ends_with(&folder))
                    {
                        problems.push(format!("there is no test {test}"));
                    }
                }
                _ => {}
            }
        }
        problems
    }

    /// `python3 FILE …`, from the workspace's root.
    fn python(&self, words: &[&str]) -> Vec<String> {
        let Some(place) = words.iter().position(|word| !word.starts_with('-')) else {
            return Vec::new();
        };
        if words[..place]
            .iter()
            .any(|flag| *flag == "-c" || *flag == "-m")
        {
            return Vec::new();
        }
        let name = words[place];
        if is_placeholder(name) || self.sheets_files.contains(name) {
            return Vec::new();
        }
        let path = self.root.join(name);
        let texts: Vec<String> = if path.is_dir() {
            let inside = fs::read_dir(&path)
                .unwrap()
                .map(|entry| entry.unwrap().path());
            inside
                .filter(|path| path.extension().is_some_and(|end| end == "py"))
                .map(|path| file(&path).1)
                .collect()
        } else if path.exists() {
            vec![file(&path).1]
        } else {
            Vec::new()
        };
        if texts.is_empty() {
            return vec![format!("there is no Python program {name} from the root")];
        }
        options(&words[place + 1..])
            .filter(|option| {
                !texts
                    .iter()
                    .any(|text| text.contains(&format!("\"{option}\"")))
            })
            .map(|option| format!("{name} has no option {option}"))
            .collect()
    }

    /// The options among the words stand in the help.
    fn options(&self, words: &[&str], asked: Asked<'_>, name: &str) -> Vec<String> {
        if is_placeholder(name) {
            return Vec::new();
        }
        let mut options = options(words).peekable();
        if options.peek().is_none() {
            return Vec::new();
        }
        let help = (self.help)(asked);
        options
            .filter(|option| {
                !help
                    .split(|c: char| !c.is_alphanumeric() && c != '-')
                    .any(|word| word == *option)
            })
            .map(|option| format!("{name} has no option {option}"))
            .collect()
    }
}

/// The long options among a program's words, without their values.
fn options<'a>(words: &[&'a str]) -> impl Iterator<Item = &'a str> {
    words
        .iter()
        .take_while(|word| **word != "--")
        .filter(|word| word.starts_with("--") && **word != "--help")
        .map(|word| word.split('=').next().unwrap_or(word))
}

fn own_help(words: &[&str]) -> bool {
    words.iter().any(|word| *word == "--help" || *word == "-h")
}

/// `NAME`, `X-server`, `…`, `{dir}`: stands for something else.
fn is_placeholder(word: &str) -> bool {
    word.chars()
        .any(|c| c.is_ascii_uppercase() || c == '…' || c == '{' || c == '*')
}

/// The simple commands of a shell's line, as words: pipes and lists taken apart, redirections and comments left out.
fn commands_of(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut target = false;
    let mut chars = line.chars().peekable();
    let mut quote = None;
    loop {
        let next = chars.next();
        match (next, quote) {
            (Some(c), Some(open)) => {
                if c == open {
                    quote = None;
                } else {
                    word.get_or_insert_default().push(c);
                }
            }
            (Some(c @ ('\'' | '"')), None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some('\\'), None) => word.get_or_insert_default().extend(chars.next()),
            (Some(c), None) if !c.is_whitespace() && !"|;&<>#".contains(c) => {
                word.get_or_insert_default().push(c);
            }
            (Some('#'), None) if word.is_some() => word.get_or_insert_default().push('#'),
            (end, _) => {
                // A number before > is a descriptor, as in 2>.
                let descriptor = end == Some('>')
                    && word
                        .as_ref()
                        .is_some_and(|w| w.chars().all(|c| c.is_ascii_digit()));
                if let Some(word) = word.take()
                    && !descriptor
                    && !std::mem::take(&mut target)
                {
                    commands.last_mut().expect("there is always one").push(word);
                }
                match end {
                    None | Some('#') => break,
                    Some('|' | ';') => commands.push(Vec::new()),
                    // 2>&1 is a redirection's end, & alone a command's.
                    Some('&') if target => {}
                    Some('&') => commands.push(Vec::new()),
                    Some('<' | '>') => target = true,
                    Some(_) => {}
                }
            }
        }
    }
    commands.retain(|command| !command.is_empty());
    commands
}

/// The commands that a Markdown text shows, with their lines: after `$ ` in blocks, and in `code` that begins with
/// cargo or python.
fn shown_commands(text: &str) -> Vec<(usize, String)> {
    let ours = |code: &str| {
        ["cargo ", "python3 ", "python "]
            .iter()
            .any(|start| code.starts_with(start))
    };
    let mut commands = Vec::new();
    let mut fence: Option<&str> = None;
    let mut prose = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            fence = match fence {
                None => Some(language.trim()),
                Some(_) => None,
            };
            prose.push('\n');
            continue;
        }
        match fence {
            None => prose.push_str(line),
            Some(language) => {
                let line = line.trim_start();
                if let Some(command) = line.strip_prefix("$ ") {
                    commands.push((number, command.to_string()));
                } else if ["sh", "bash", "shell"].contains(&language) && ours(line) {
                    commands.push((number, line.to_string()));
                }
            }
        }
        prose.push('\n');
    }
    // Code in a text may go on in its next line.
    let mut line = 1;
    for (place, part) in prose.split('`').enumerate() {
        let code = part.split_whitespace().collect::<Vec<_>>().join(" ");
        let code = code.strip_prefix("$ ").unwrap_or(&code);
        if place % 2 == 1 && ours(code) {
            commands.push((line, code.replace("\\|", "|")));
        }
        line += part.matches('\n').count();
    }
    commands.sort();
    commands
}

/// The lines of a program's header as Markdown, at their numbers.
fn header_text(text: &str) -> String {
    let line = |line: &str| line.strip_prefix("//!").unwrap_or("").trim().to_string();
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The commands in a twin's first lines.
fn twin_commands(text: &str) -> Vec<(usize, String)> {
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| line.starts_with("Terminal "))
        .filter_map(|(number, line)| Some((number, line.split_once(": ")?.1.trim().to_string())))
        .collect()
}

fn bad_commands(name: &str, commands: &[(usize, String)], known: &Known) -> Vec<String> {
    let mut problems = Vec::new();
    for (line, command) in commands {
        for problem in known.problems(command) {
            problems.push(format!("{name}:{line}: `{command}`: {problem}"));
        }
    }
    problems
}

#[test]
fn commands_in_documents_and_headers_work() {
    let known = Known::here();
    let mut problems = Vec::new();
    let mut seen = 0;
    for path in files(&[".md", ".rs", "twin.py"]) {
        let (name, text) = file(&path);
        let commands = match name.rsplit('.').next() {
            Some("md") => shown_commands(&text),
            Some("rs") => shown_commands(&header_text(&text)),
            _ => twin_commands(&text),
        };
        seen += commands.len();
        problems.extend(bad_commands(&name, &commands, &known));
    }
    assert!(seen > 20, "only {seen} commands were found");
    assert_tidy(&problems);
}

/// What the hints of programs tell the user to type: the packages exist.
fn bad_hints(name: &str, text: &str, packages: &BTreeSet<String>) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for (place, marker) in line.match_indices("cargo run -p ") {
            let rest = &line[place + marker.len()..];
            let package = rest
                .split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_')
                .next()
                .unwrap_or("");
            if !package.is_empty() && !packages.contains(package) && !is_placeholder(package) {
                problems.push(format!(
                    "{name}:{number}: there is no package {package} to run"
                ));
            }
        }
    }
    problems
}

#[test]
fn hints_name_packages_that_exist() {
    let packages = packages()
        .iter()
        .map(|p| p["name"].as_str().unwrap().to_string())
        .collect();
    let mut problems = Vec::new();
    for path in files(&[".rs", ".py"]) {
        let (name, text) = file(&path);
        if name.starts_with("crates/") {
            problems.extend(bad_hints(&name, &text, &packages));
        }
    }
    assert_tidy(&problems);
}

#[test]
fn a_hint_with_a_wrong_package_is_found() {
    let packages = BTreeSet::from(["good".to_string()]);
    assert_eq!(
        bad_hints("x", "is it running? cargo run -p good\")\n", &packages),
        [""; 0]
    );
    assert_eq!(
        bad_hints("x", "\ncargo run -p bad`", &packages),
        ["x:2: there is no package bad to run"]
    );
}

fn example() -> Known {
    Known {
        root: workspace().to_path_buf(),
        packages: ["sum-server", "sum-client", "tests"]
            .map(str::to_string)
            .into(),
        exercises: [("sum".to_string(), "sum-client".to_string())].into(),
        sheets_files: ["echo-server.py".to_string()].into(),
        help: Box::new(|asked| match asked {
            Asked::Lab("") => "Commands:\n  run   Runs\n  index  Writes\n".to_string(),
            Asked::Lab(_) => "Usage: [--port <port>] [--check]\n  --port   the port\n".to_string(),
            Asked::Program(_) => "Usage: x [--port <port>]\n  --port   the port\n".to_string(),
        }),
    }
}

#[test]
fn a_command_that_does_not_work_is_found() {
    let known = example();
    for good in [
        "cargo run -p sum-server",
        "cargo run -p sum-client 1 2 --port 3",
        "cargo run -p sum-client -- --port=3 --help",
        "cargo run -p sum-client -",
        "cargo run -p NAME -- --whatever",
        "printf '1 | cargo nonsense' | NO_COLOR=1 cargo run -p sum-client - 2>&1 | head -1",
        "cargo lab",
        "cargo lab --help",
        "cargo lab run sum --port 0 -- --port 1 < numbers.txt 2>/dev/null",
        "cargo lab run EXERCISE",
        "cargo lab index --check",
        "cargo test -p tests --test tidy",
        "cargo …",
        "python3 -m http.server 8000",
        "python3 echo-server.py",
        "ls --all",
    ] {
        assert_eq!(known.problems(good), [""; 0], "{good}");
    }
    for (bad, problem) in [
        ("cargo run -p sum", "there is no package sum"),
        (
            "cargo run -p sum-client --port 3",
            "cargo takes --port for its own: put -- before it",
        ),
        (
            "cargo run -p sum-client -- --prot 3",
            "sum-client has no option --prot",
        ),
        ("cargo run -p tests --example x", "tests has no example x"),
        (
            "cargo run",
            "cargo run needs -p PACKAGE here, there are many programs",
        ),
        (
            "echo 1 | cargo run -p sums-client -",
            "there is no package sums-client",
        ),
        ("cargo build -p sums", "there is no package sums"),
        ("cargo test --test untidy", "there is no test untidy"),
        (
            "cargo lba",
            "cargo has no command lba that this workspace uses",
        ),
        ("cargo lab walk", "cargo lab has no command walk"),
        ("cargo lab run --port 0", "cargo lab run needs an exercise"),
        ("cargo lab run --port 0 smu", "there is no exercise smu"),
        (
            "cargo lab run sum --prot 0",
            "cargo lab run has no option --prot",
        ),
        (
            "cargo lab run sum -- --prot",
            "sum-client has no option --prot",
        ),
        (
            "python3 crates/none/twin.py",
            "there is no Python program crates/none/twin.py from the root",
        ),
    ] {
        assert_eq!(known.problems(bad), [problem], "{bad}");
    }
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn an_option_that_a_twin_lacks_is_found() {
    let twin = &files(&["-server/twin.py"])
        .into_iter()
        .chain(files(&["twin.py"]))
        .next()
        .unwrap();
    let (name, _) = file(twin);
    let known = example();
    assert_eq!(
        known.problems(&format!("python3 {name} --bogus")),
        [format!("{name} has no option --bogus")]
    );
    assert_eq!(
        known.problems(&format!("python3 -u {name} --help")),
        [""; 0]
    );
}

#[test]
fn commands_are_found_in_blocks_in_text_and_in_headers() {
    let text = "Run `cargo a` or `cargo\nb \\| c`, not `card`.\n\n```console\n$ cargo d\ncargo output\n```\n\n```sh\ncargo e\n```\n\n```rust\ncargo f\n```\n";
    let found: Vec<(usize, String)> = shown_commands(text);
    let found: Vec<(usize, &str)> = found
        .iter()
        .map(|(line, command)| (*line, command.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (1, "cargo a"),
            (1, "cargo b | c"),
            (5, "cargo d"),
            (10, "cargo e")
        ]
    );
    let header =
        header_text("//! What.\n//!\n//! Terminal 1: `cargo a`\nfn main() { \"`cargo b`\" }\n");
    assert_eq!(shown_commands(&header), [(3, "cargo a".to_string())]);
    assert_eq!(
        twin_commands("\"\"\"What.\n\nTerminal 1: python3 a.py\n\"\"\"\n"),
        [(3, "python3 a.py".to_string())]
    );
}

/// A shell's line as words, shown.
#[test]
fn a_shells_line_is_taken_apart() {
    let parts = |line: &str| {
        commands_of(line)
            .iter()
            .map(|words| words.join("_"))
            .collect::<Vec<_>>()
    };
    assert_eq!(parts("a 'b c' \"d|e\" f\\ g"), ["a_b c_d|e_f g"]);
    assert_eq!(parts("a | b && c; d & # e"), ["a", "b", "c", "d"]);
    assert_eq!(parts("a < in > out 2>/dev/null b 2>&1"), ["a_b"]);
    assert_eq!(parts("a '' 5#6"), ["a__5#6"]);
}

#[test]
fn the_index_is_fresh() {
    let finished = rust("lab").args(&["index", "--check"]).run();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}

/// Nothing is left for later.
fn unfinished(name: &str, text: &str) -> Vec<String> {
    // Put together here, so that this file does not find itself.
    let marks = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
    ];
    let mut problems = Vec::new();
    let tests = text
        .lines()
        .take_while(|line| *line != "#[cfg(test)]")
        .count()
        + 1;
    for (number, line) in (1..).zip(text.lines()) {
        // A macro that is spoken of, in a text or in `code`, is not a macro that is called; nor is one in a test's
        // example.
        let called = line.split("//").next().unwrap_or(line);
        let called = if number < tests { called } else { "" };
        let called: Vec<&str> = called.split(['"', '`']).step_by(2).collect();
        for mark in marks {
            let found = match mark.ends_with('(') {
                true => called.iter().any(|part| part.contains(mark)),
                false => line.contains(mark),
            };
            if found {
                problems.push(format!(
                    "{name}:{number}: {mark}: finish it, or leave it out"
                ));
            }
        }
    }
    problems
}

#[test]
fn nothing_is_left_for_later() {
    let mut problems = Vec::new();
    for path in files(&[
        ".rs", ".py", ".md", ".toml", ".yml", ".yaml", ".sh", ".c", "bench", "run",
    ]) {
        let (name, text) = file(&path);
        problems.extend(unfinished(&name, &text));
    }
    assert_tidy(&problems);
}

#[test]
fn a_mark_for_later_is_found() {
    assert_eq!(unfinished("x", "a to-do list\n"), [""; 0]);
    let spoken = concat!(
        "put(\"to",
        "do!()\"); // to",
        "do!() is not called, nor is `to",
        "do!()`\n"
    );
    assert_eq!(unfinished("x", spoken), [""; 0]);
    for mark in ["// TO", "// FIX", "to", "unimple"] {
        let line = match mark {
            "// TO" => format!("{mark}DO later"),
            "// FIX" => format!("{mark}ME"),
            "to" => format!("{mark}do!()"),
            _ => format!("{mark}mented!()"),
        };
        assert_eq!(unfinished("x", &format!("\n{line}\n")).len(), 1, "{line}");
    }
}
