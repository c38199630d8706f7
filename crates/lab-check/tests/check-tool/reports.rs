//! The results for machines, read back as those machines read them, and the exit codes.
//!
//! One file, since all formats are compared with the same result.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use quick_junit::{NonSuccessKind, Report, TestCaseStatus};
use serde_json::Value;

use crate::tool::{
    Folder, case, code, errors, gallery, json, lab, processes_of, processes_with, run,
    sheets_ports, signal, text, until, workspace,
};

const FORMATS: [(&str, &str); 6] = [
    ("human", "result.txt"),
    ("html", "result.html"),
    ("junit", "result.xml"),
    ("tap", "result.tap"),
    ("gradescope", "results.json"),
    ("classroom50", "result.json"),
];

/// The words that save a result in every format into a folder.
fn saves(folder: &Folder) -> Vec<String> {
    FORMATS
        .iter()
        .flat_map(|(format, file)| {
            let save = format!("{format}={}", folder.word(file));
            ["--save".to_string(), save]
        })
        .collect()
}

/// A case as every format has to tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    id: String,
    outcome: String,
    /// Whether a failure of it is one of the whole.
    decides: bool,
}

/// The cases that a result has to hold, in its order.
fn outcomes(result: &Value) -> Vec<Told> {
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let cases = result["cases"].as_array().unwrap();
    cases
        .iter()
        .map(|case| Told {
            id: text(&case["id"]),
            outcome: text(&case["outcome"]),
            decides: result["strict"] == true || case["question"] == "sheet",
        })
        .collect()
}

/// JUnit, read by quick-junit, whose reader refuses what
/// its own model does not allow, and by the schema.
fn read_junit(folder: &Folder, result: &Value, expected: &[Told], trouble: bool) {
    let schema = workspace().join("crates/lab-check/tests/schemas/junit.xsd");
    let checked = Command::new("xmllint")
        .args(["--noout", "--schema"])
        .arg(&schema)
        .arg(folder.word("result.xml"))
        .output();
    // Where it is not installed, the list of tests says so.
    if let Ok(checked) = checked {
        assert!(checked.status.success(), "{}", errors(&checked));
    }
    let report = Report::deserialize_from_str(&folder.read("result.xml")).unwrap();
    let (last, suites) = match trouble {
        true => report.test_suites.split_last().unwrap(),
        false => (&report.test_suites[0], report.test_suites.as_slice()),
    };
    assert_eq!(trouble, last.name.as_str() == "cargo lab check");
    for suite in suites {
        let question = ["sheet", "network"]
            .into_iter()
            .find(|name| {
                let words = result["questions"][name]["question"].as_str().unwrap();
                suite.name.as_str().ends_with(words)
            })
            .unwrap();
        let points = |name: &str| {
            let mut properties = suite.properties.iter();
            let found = properties.find(|property| property.name.as_str() == name);
            found.unwrap().value.as_str().parse::<u64>().unwrap()
        };
        for name in ["score", "max_score"] {
            assert_eq!(points(name), result["questions"][question][name], "{name}");
        }
        let of_json = result["cases"].as_array().unwrap().iter().zip(expected);
        let expected: Vec<(String, &str)> = of_json
            .filter(|(case, _)| case["question"] == question)
            .map(|(_, told)| {
                let outcome = match told.outcome.as_str() {
                    "failed" | "undecided" if !told.decides => "skipped",
                    other => other,
                };
                (told.id.clone(), outcome)
            })
            .collect();
        let found: Vec<(String, &str)> = suite
            .test_cases
            .iter()
            .map(|case| {
                let outcome = match &case.status {
                    TestCaseStatus::Success { .. } => "passed",
                    TestCaseStatus::Skipped { .. } => "skipped",
                    TestCaseStatus::NonSuccess {
                        kind: NonSuccessKind::Failure,
                        ..
                    } => "failed",
                    TestCaseStatus::NonSuccess { .. } => "undecided",
                };
                let id = case.name.as_str().split(": ").next().unwrap();
                (id.to_string(), outcome)
            })
            .collect();
        assert_eq!(found, expected);
        let count = |word: &str| {
            expected
                .iter()
                .filter(|(_, outcome)| *outcome == word)
                .count()
        };
        assert_eq!(suite.tests, expected.len());
        assert_eq!(suite.failures, count("failed"));
        assert_eq!(suite.skipped, count("skipped"));
        assert_eq!(suite.errors, count("undecided"));
    }
}

/// TAP 13, by its grammar: version, plan, a numbered line for each test, YAML blocks indented by
/// two, a last "Bail out!".
fn read_tap(folder: &Folder, result: &Value, expected: &[Told], trouble: bool) {
    let tap = folder.read("result.tap");
    let mut lines = tap.lines();
    assert_eq!(lines.next(), Some("TAP version 13"));
    let plan = format!("1..{}", expected.len());
    assert_eq!(lines.next(), Some(plan.as_str()));
    let (mut found, mut in_block, mut bailed) = (Vec::new(), false, false);
    let mut scores = Vec::new();
    for line in lines {
        match line {
            "  ---" => in_block = true,
            "  ..." => in_block = false,
            _ if in_block => assert!(line.is_empty() || line.starts_with("  "), "{line:?}"),
            _ if line.starts_with("Bail out! ") => bailed = true,
            _ if line.starts_with("# note: ") => {}
            _ if line.starts_with("# ") => scores.push(line),
            _ => {
                let (ok, rest) = match line.strip_prefix("not ok ") {
                    Some(rest) => (false, rest),
                    None => (true, line.strip_prefix("ok ").expect(line)),
                };
                let (number, rest) = rest.split_once(" - ").unwrap();
                assert_eq!(number, (found.len() + 1).to_string());
                let outcome = match (ok, rest.contains(" # SKIP "), rest.contains(" # todo ")) {
                    (true, true, false) => "skipped",
                    (true, false, false) => "passed",
                    (false, false, true) => "to do",
                    (false, false, false) => "not ok",
                    _ => panic!("{line}"),
                };
                let id = rest.split(": ").next().unwrap().to_string();
                found.push((id, outcome));
            }
        }
    }
    let expected: Vec<(String, &str)> = expected
        .iter()
        .map(|told| {
            let outcome = match told.outcome.as_str() {
                "failed" | "undecided" if told.decides => "not ok",
                "failed" | "undecided" => "to do",
                other => other,
            };
            (told.id.clone(), outcome)
        })
        .collect();
    assert_eq!(found, expected);
    assert_eq!(bailed, trouble);
    for (line, question) in scores.iter().zip(["sheet", "network"]) {
        let answer = &result["questions"][question];
        let points = format!("? {} of {} points, ", answer["score"], answer["max_score"]);
        assert!(line.contains(&points), "{line}, without {points}");
    }
    assert_eq!(scores.len(), 2, "{scores:?}");
    // Perl's own reader of TAP, where there is one.
    let prove = Command::new("prove")
        .args(["--exec", "cat", &folder.word("result.tap")])
        .output();
    if let Ok(prove) = prove {
        let said = String::from_utf8_lossy(&prove.stdout).into_owned();
        assert!(!said.contains("Parse errors"), "{said}");
        let passes = !trouble && expected.iter().all(|(_, outcome)| *outcome != "not ok");
        assert_eq!(said.contains("Result: PASS"), passes, "{said}");
        assert_eq!(prove.status.success(), passes, "{said}");
    }
}

/// Gradescope's results.json, by its specification
/// (gradescope-autograders.readthedocs.io/en/latest/specs).
fn read_gradescope(folder: &Folder, result: &Value, trouble: bool) {
    const OUTPUT_FORMATS: [&str; 5] = ["text", "html", "simple_format", "md", "ansi"];
    const VISIBILITIES: [&str; 4] = ["hidden", "after_due_date", "after_published", "visible"];
    let value: Value = serde_json::from_str(&folder.read("results.json")).unwrap();
    let tests = value["tests"].as_array().unwrap();
    let of = |field: &str, allowed: &[&str]| {
        let text = value[field].as_str().unwrap();
        assert!(allowed.contains(&text), "{field}: {text}");
    };
    of("output_format", &OUTPUT_FORMATS);
    of("test_output_format", &OUTPUT_FORMATS);
    of("test_name_format", &OUTPUT_FORMATS);
    of("visibility", &VISIBILITIES);
    of("stdout_visibility", &VISIBILITIES);
    assert!(value["execution_time"].is_u64());
    assert_eq!(value["extra_data"]["questions"], result["questions"]);
    // The points of all that counts; without --points they are the weights.
    let of = result["points"]
        .as_f64()
        .unwrap_or(result["max_score"].as_f64().unwrap());
    let scale = of / result["max_score"].as_f64().unwrap();
    let near = |value: &Value, weight: &Value| {
        let expected = weight.as_f64().unwrap() * scale;
        assert!(
            (value.as_f64().unwrap() - expected).abs() < 0.0001,
            "{value}, not {expected}"
        );
    };
    near(&value["score"], &result["score"]);
    let mut sum = 0.0;
    for (test, case) in tests.iter().zip(result["cases"].as_array().unwrap()) {
        let passed = case["outcome"] == "passed";
        assert_eq!(test["status"], if passed { "passed" } else { "failed" });
        assert_eq!(test["tags"], Value::from(vec![case["question"].clone()]));
        if result["strict"] == true || case["question"] == "sheet" {
            near(&test["score"], &case["score"]);
            near(&test["max_score"], &case["max_score"]);
            sum += test["score"].as_f64().unwrap();
        } else {
            assert!(test.get("score").is_none() && test.get("max_score").is_none());
        }
        assert!(OUTPUT_FORMATS.contains(&test["output_format"].as_str().unwrap()));
        assert!(VISIBILITIES.contains(&test["visibility"].as_str().unwrap()));
        assert!(
            test["name"]
                .as_str()
                .unwrap()
                .starts_with(case["id"].as_str().unwrap())
        );
        let told = test["output"].as_str().unwrap();
        match case["sheet"].as_str() {
            Some(words) => assert!(told.starts_with(&format!("The sheet, {words}.")), "{told}"),
            None => assert!(
                told.starts_with("Would it survive a real network?"),
                "{told}"
            ),
        }
        if let Some(summary) = case["summary"].as_str() {
            assert!(told.contains(summary), "{told}");
        }
    }
    assert!(
        (value["score"].as_f64().unwrap() - sum).abs() < 0.01,
        "{sum}"
    );
    let output = value["output"].as_str().unwrap();
    assert_eq!(
        output.contains("did not come to its end"),
        trouble,
        "{output}"
    );
}

/// classroom50's result.json, by its contract
/// (github.com/foundation50/classroom50/wiki/Advanced-Autograding).
fn read_classroom50(folder: &Folder, result: &Value) {
    let value: Value = serde_json::from_str(&folder.read("result.json")).unwrap();
    assert_eq!(value["schema"], "classroom50/result/v1");
    for field in [
        "classroom",
        "assignment",
        "submission",
        "commit",
        "release",
        "review",
    ] {
        assert!(value[field].is_string(), "{field}");
    }
    for field in ["datetime", "graded_at"] {
        let instant = value[field].as_str().unwrap();
        // 2026-06-01T14:32:01Z
        let shape: String = instant
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        assert_eq!(shape, "0000-00-00T00:00:00Z");
    }
    let tests = value["tests"].as_array().unwrap();
    let sum = |field: &str| -> u64 { tests.iter().map(|test| test[field].as_u64().unwrap()).sum() };
    assert_eq!(value["score"], sum("score"));
    assert_eq!(value["max-score"], sum("max-score"));
    assert_eq!(value["score"], result["score"]);
    assert_eq!(value["max-score"], result["max_score"]);
    assert_eq!(value["questions"], result["questions"]);
    let found: Vec<(&Value, bool)> = tests
        .iter()
        .map(|test| (&test["test-name"], test["passed"].as_bool().unwrap()))
        .collect();
    let cases = result["cases"].as_array().unwrap().iter();
    let expected: Vec<(&Value, bool)> = cases
        .map(|case| (&case["id"], case["outcome"] == "passed"))
        .collect();
    assert_eq!(found, expected);
}

fn read_all(folder: &Folder, result: &Value, trouble: bool) {
    let expected = outcomes(result);
    read_junit(folder, result, &expected, trouble);
    read_tap(folder, result, &expected, trouble);
    read_gradescope(folder, result, trouble);
    read_classroom50(folder, result);
    let page = folder.read("result.html");
    for case in outcomes(result) {
        let (outcome, id) = (case.outcome, case.id);
        let line = format!("<h3><span class=\"outcome\">{outcome}</span> ");
        let mut lines = page.lines().filter(|told| told.starts_with(&line));
        assert!(
            lines.any(|told| told.contains(&format!("{id}: "))),
            "{id}: {page}"
        );
    }
    assert_eq!(page.contains("did not come to its end"), trouble, "{page}");
    let human = folder.read("result.txt");
    for question in ["sheet", "network"] {
        let answer = &result["questions"][question];
        let line = human
            .lines()
            .find(|line| line.starts_with(&format!("{} ", answer["question"].as_str().unwrap())))
            .unwrap_or_else(|| panic!("{human}"));
        let points = format!(": {} of {} points (", answer["score"], answer["max_score"]);
        assert!(line.contains(&points), "{line}, without {points}");
    }
    assert_eq!(
        human.contains("did not come to its end"),
        trouble,
        "{human}"
    );
    assert!(!human.contains('\x1b'), "a file has no colors: {human}");
}

pub fn every_format_tells_the_same() {
    let folder = Folder::new("formats");
    let server = folder.write("server.py", &gallery("dsd-eof/one-recv.py"));
    let command = format!("python3 {} {{port}}", server.display());
    let mut words = vec![
        "check",
        "dsd-eof",
        "--server",
        &command,
        "--patience",
        "2",
        "--format",
        "json",
        "--weight",
        "whole=5",
        "--weight",
        "restart=0",
        "--points",
        "10",
    ];
    let saves = saves(&folder);
    words.extend(saves.iter().map(String::as_str));
    let out = run(&words);
    let result = json(&out);
    assert_eq!(code(&out), 1);
    assert_eq!(result["schema"], "lab-check/1");
    assert_eq!(result["exit_code"], 1);
    // The weights of the sheet's cases, but for the one that was chosen here.
    assert_eq!(result["max_score"], 28 - 1 + 5);
    assert_eq!(result["questions"]["sheet"]["max_score"], 28 - 1 + 5);
    assert_eq!(result["questions"]["network"]["max_score"], 9 - 1);
    assert_eq!(case(&result, "whole")["score"], 5);
    assert_eq!(case(&result, "byte-by-byte")["misconception"], "one-recv");
    let words: Vec<&str> = case(&result, "byte-by-byte")["again"]
        .as_str()
        .unwrap()
        .split(' ')
        .collect();
    assert_eq!(words[..4], ["cargo", "lab", "check", "dsd-eof"]);
    let all = outcomes(&result);
    for word in ["passed", "failed", "skipped"] {
        assert!(all.iter().any(|told| told.outcome == word), "{all:?}");
    }
    read_all(&folder, &result, false);
}

pub fn what_only_a_real_network_breaks_is_told_and_fails_nothing_unless_it_is_strict() {
    let folder = Folder::new("formats-two-questions");
    let server = folder.write("server.py", &gallery("dsd-sum/no-reuseaddr.py"));
    let command = format!("python3 {} {{port}}", server.display());
    for (strict, expected) in [(false, 0), (true, 1)] {
        let mut words = vec!["check", "dsd-sum", "--server", &command, "--format", "json"];
        let saves = saves(&folder);
        words.extend(saves.iter().map(String::as_str));
        words.extend(strict.then_some("--strict"));
        let out = run(&words);
        let result = json(&out);
        assert_eq!(code(&out), expected, "{}", text(&out));
        assert_eq!(case(&result, "restart")["outcome"], "failed");
        assert_eq!(case(&result, "restart")["question"], "network");
        let sheet = &result["questions"]["sheet"];
        assert_eq!(sheet["score"], sheet["max_score"]);
        read_all(&folder, &result, false);
        let human = folder.read("result.txt");
        assert!(
            human.contains("Here is where it breaks: restart."),
            "{human}"
        );
    }
}

pub fn ctrl_c_still_writes_every_format() {
    let folder = Folder::new("formats-stopped");
    let server = folder.write("server.py", "import time\nwhile True: time.sleep(1)\n");
    let command = format!("python3 {} {{port}}", server.display());
    let mut words = vec![
        "check",
        "dsd-eof",
        "--server",
        &command,
        "--limit",
        "600",
        "--patience",
        "600",
        "--format",
        "json",
    ];
    let saves = saves(&folder);
    words.extend(saves.iter().map(String::as_str));
    let child = lab(&words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("the program", || {
        !processes_of(&folder.word("server.py")).is_empty()
    });
    signal(&child, "INT");
    let out = child.wait_with_output().unwrap();
    let result = json(&out);
    assert_eq!(code(&out), 130);
    assert_eq!(result["exit_code"], 130);
    assert_eq!(result["trouble"], "SIGINT stopped it");
    assert_eq!(result["counts"]["undecided"], 22);
    read_all(&folder, &result, true);
    assert_eq!(processes_with(&folder.word("server.py")), [0_u32; 0]);
}

pub fn a_check_that_cannot_be_played_still_writes_every_format() {
    let folder = Folder::new("formats-trouble");
    let _ports = sheets_ports();
    // The sheet's port has to be taken by somebody; by this test, unless another program was first.
    let taken = TcpListener::bind("127.0.0.1:65432");
    let mut words = vec![
        "check",
        "dsd-eof",
        "--server",
        "python3 server.py",
        "--shared-network",
        "--format",
        "json",
    ];
    let saves = saves(&folder);
    words.extend(saves.iter().map(String::as_str));
    let out = run(&words);
    drop(taken);
    let result = json(&out);
    assert_eq!(code(&out), 3);
    assert!(
        result["trouble"]
            .as_str()
            .unwrap()
            .contains("127.0.0.1:65432")
    );
    assert!(
        errors(&out).contains("hint: stop that program"),
        "{}",
        errors(&out)
    );
    read_all(&folder, &result, true);
}

pub fn both_sides_are_one_document() {
    let out = run(&[
        "check",
        "codio-echo",
        "--server",
        "python",
        "--client",
        "python",
        "--format",
        "json",
    ]);
    let result = json(&out);
    let roles: Vec<&str> = result["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["role"].as_str().unwrap())
        .collect();
    assert_eq!(code(&out), 0, "{}", text(&out));
    assert!(roles.contains(&"server") && roles.contains(&"client"));
    assert_eq!(result["sides"].as_array().unwrap().len(), 2);
}

pub fn exit_codes_tell_right_wrong_undecided_and_trouble_apart() {
    let folder = Folder::new("exit-codes");
    let right = folder.write("right.py", &gallery("dsd-eof/right.py"));
    let wrong = folder.write("wrong.py", &gallery("dsd-eof/never-accepts.py"));
    let right = format!("python3 {} {{port}}", right.display());
    let wrong = format!("python3 {} {{port}}", wrong.display());
    let ends = |words: &[&str]| {
        let out = run(&[
            &["check", "dsd-eof", "--only", "whole", "--patience", "1"],
            words,
        ]
        .concat());
        (code(&out), errors(&out))
    };
    assert_eq!(ends(&["--server", &right]).0, 0);
    assert_eq!(ends(&["--server", &wrong]).0, 1);
    // No time for anything: nothing can be said.
    assert_eq!(ends(&["--server", &right, "--limit", "0.001"]).0, 2);
    assert_eq!(ends(&["--server", &right, "--only", "wohle"]).0, 3);
    assert_eq!(ends(&["--server", "python3 'open"]).0, 3);
    assert_eq!(ends(&["--program", &right]).0, 3);
    let (code, said) = ends(&["--server", "python3 server.py {ports}"]);
    assert_eq!(code, 3);
    assert!(
        said.contains("{ports} that nothing fills in dsd-eof"),
        "{said}"
    );
    let missing = folder.word("missing/result.json");
    let (code, said) = ends(&["--server", &right, "--out", &missing]);
    assert_eq!(code, 3);
    assert!(said.contains("hint: does the folder exist"), "{said}");
}

pub fn a_result_file_is_replaced_in_one_step_and_nothing_stays_beside_it() {
    let folder = Folder::new("result-file");
    let server = folder.write("server.py", &gallery("dsd-eof/right.py"));
    let command = format!("python3 {} {{port}}", server.display());
    fs::create_dir(folder.path("out")).unwrap();
    fs::write(folder.path("out/result.json"), "the last result").unwrap();
    let file = folder.word("out/result.json");
    let out = run(&[
        "check", "dsd-eof", "--server", &command, "--only", "whole", "--format", "json", "--out",
        &file,
    ]);
    assert_eq!(code(&out), 0);
    assert_eq!(text(&out), "");
    assert_eq!(folder.names("out"), ["result.json"]);
    let value: Value = serde_json::from_str(&folder.read("out/result.json")).unwrap();
    assert_eq!(value["counts"]["passed"], 1);
}
