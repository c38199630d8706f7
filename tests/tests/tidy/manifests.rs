//! Manifests: one name for folder, package and binary; inherited fields; dependencies that point
//! one way.

use std::collections::BTreeSet;

use serde_json::Value;
use tests::binaries::workspace;
use tests::catalog::{Entry, entries, lab_programs};

use crate::{assert_tidy, file, files, folder, line_of, packages};

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
        if binary && called != name {
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
    let package = serde_json::json!({ "name": "a", "targets": [{ "name": "a", "kind": ["bin"] }] });
    assert!(misnamed("a", &package).is_empty());
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
                "{name}:{number}: the version is here: put it into [workspace.dependencies] and say workspace = true"
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
fn a_manifest_that_inherits_too_little_is_found() {
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
    assert!(bad("socket2.workspace = true", "socket2 = \"0.6\"").contains("the version is here"));
    assert!(bad("\ndescription", "\n# description").contains("no description"));
}

/// A description for `cargo lab` is complete, has no unknown keys, and both sides of an exercise
/// are there.
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
                    "{at} has an unknown key, {key}: crates/lab-core/src/catalog.rs describes the keys"
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

/// Dependencies among our packages point one way: programs to labnet alone, nothing to a command.
fn wrong_way(package: &str, program: bool, needs: &[&str]) -> Vec<String> {
    const COMMANDS: [&str; 6] = [
        "lab",
        "lab-check",
        "lab-handout",
        "lab-trace",
        "lab-book",
        "tests",
    ];
    let mut problems = Vec::new();
    for other in needs {
        let why = if COMMANDS.contains(other) {
            "nothing depends on it"
        } else if package == "labnet" {
            "labnet depends on no other package"
        } else if program && *other != "labnet" {
            "a lab program depends on labnet alone"
        } else {
            continue;
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
        wrong_way("lab-check", false, &["lab-core", "labnet"]),
        [""; 0]
    );
    assert_eq!(
        wrong_way("dsd-sum-server", true, &["dsd-sum-client"]).len(),
        1
    );
    assert_eq!(wrong_way("dsd-sum-server", true, &["lab-core"]).len(), 1);
    assert_eq!(wrong_way("labnet", false, &["dsd-sum-client"]).len(), 1);
    for command in ["lab", "lab-check", "lab-handout", "lab-trace", "lab-book"] {
        assert_eq!(
            wrong_way("lab-core", false, &["labnet", command]).len(),
            1,
            "{command}"
        );
    }
}

/// What a student waits for at the first `cargo lab run`: `lab` with what it needs, and the
/// programs. A new package there needs a look at `python3 scripts/bench build`.
fn slow_to_run(package: &str, needs: &[&str]) -> Vec<String> {
    let allowed: &[&str] = match package {
        "lab" => &["anyhow", "argh", "lab-core", "labnet", "signal-hook"],
        "lab-core" => &[
            "anyhow",
            "ctrlc",
            "labnet",
            "libc",
            "signal-hook",
            "tinyjson",
        ],
        "labnet" => &["anyhow", "argh", "hostname", "memchr", "socket2", "strsim"],
        _ => return Vec::new(),
    };
    let problem = |needed: &&&str| {
        format!(
            "crates/{package}/Cargo.toml:1: {package} depends on {needed}: \
             the first `cargo lab run` would build it"
        )
    };
    let surplus = needs.iter().filter(|needed| !allowed.contains(needed));
    surplus.map(|needed| problem(&needed)).collect()
}

#[test]
fn cargo_lab_run_builds_lab_and_the_programs_alone() {
    let packages = packages();
    let problems = packages.iter().flat_map(|package| {
        let dependencies = package["dependencies"].as_array().unwrap();
        let needs: Vec<&str> = dependencies
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["name"].as_str())
            .collect();
        slow_to_run(package["name"].as_str().unwrap(), &needs)
    });
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn a_dependency_that_a_student_would_wait_for_is_found() {
    assert_eq!(slow_to_run("lab", &["lab-core", "anyhow"]), [""; 0]);
    assert_eq!(slow_to_run("lab-check", &["lab-judge"]), [""; 0]);
    assert_eq!(slow_to_run("lab", &["lab-core", "lab-judge"]).len(), 1);
    assert_eq!(slow_to_run("lab-core", &["regex", "libc"]).len(), 1);
}

/// Dependencies are in alphabetical order; an empty line begins a new order.
fn unsorted(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut dependencies = false;
    let mut before = "";
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with('[') {
            dependencies = line.ends_with("dependencies]");
        }
        if line.is_empty() || line.starts_with('[') {
            before = "";
        } else if dependencies && line.starts_with(|c: char| c.is_ascii_lowercase()) {
            let key = line.split(['.', ' ', '=']).next().unwrap_or(line);
            if key < before {
                problems.push(format!("{name}:{number}: {key} comes before {before}"));
            }
            before = key;
        }
    }
    problems
}

#[test]
fn dependencies_are_sorted() {
    let manifests = files(&["Cargo.toml"]);
    let problems = manifests.iter().flat_map(|path| {
        let (name, text) = file(path);
        unsorted(&name, &text)
    });
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn a_dependency_out_of_order_is_found() {
    let good = "[dependencies]\nz = { path = \"z\" }\n\na.workspace = true\n# Why.\nb = \"1\"\n[lints]\na = 1\n";
    assert_eq!(unsorted("x", good), [""; 0]);
    assert_eq!(
        unsorted("x", "[dev-dependencies]\nb = \"1\"\n# Why.\na = \"1\"\n").len(),
        1
    );
    assert_eq!(
        unsorted("x", "[workspace.dependencies]\nab = \"1\"\na-c = \"1\"\n").len(),
        1
    );
}
