//! What a student reads: the whole output for ten failures,
//! and the sections of the READMEs that it names.
//!
//! The files in `tests/golden` are the output with what differs from run to run replaced: ports,
//! times, lengths of output. They were read as a student would read them; `LAB_UPDATE=1 cargo test
//! -p lab-check --test check-tool golden` writes them again, to be read again.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread;

use crate::tool::{code, run, text, workspace};

/// The file's name, the exercise, the side, the program of the gallery, the case.
type Failure = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const FAILURES: [Failure; 10] = [
    (
        "one-recv",
        "dsd-eof",
        "server",
        "one-recv.py",
        "byte-by-byte",
    ),
    (
        "decodes-pieces",
        "dsd-eof",
        "server",
        "decodes-pieces.py",
        "cut-character",
    ),
    ("endswith", "dsd-eof", "server", "endswith.py", "two-in-one"),
    (
        "blocks-all",
        "dsd-eof",
        "server",
        "blocks-all.py",
        "side-by-side",
    ),
    (
        "no-reuseaddr",
        "dsd-eof",
        "server",
        "no-reuseaddr.py",
        "restart",
    ),
    ("wrong-port", "dsd-eof", "server", "wrong-port.py", "whole"),
    (
        "syntax-error",
        "dsd-eof",
        "server",
        "syntax-error.py",
        "whole",
    ),
    ("leaks", "dsd-eof", "server", "leaks.py", "many"),
    (
        "client-one-recv",
        "dsd-eof",
        "client",
        "client-one-recv.py",
        "answer-byte-by-byte",
    ),
    (
        "udp-waits-for-ever",
        "cmpu-udp-echo",
        "client",
        "client-waits-forever.py",
        "lost",
    ),
];

fn golden(name: &str) -> PathBuf {
    workspace()
        .join("crates/lab-check/tests/golden")
        .join(format!("{name}.txt"))
}

/// Numbers that depend on the moment, replaced: after each of these words one is dropped.
fn without_chance(text: &str) -> String {
    const BEFORE: [(&str, &str); 5] = [
        ("127.0.0.1:", "PORT"),
        ("127.0.0.1', ", "PORT"),
        ("(seed 1, ", "SECONDS"),
        ("After 200 clients that have left the program has ", "MANY"),
        ("had ", "FEW"),
    ];
    let mut text = text.replace(&format!("{}/", workspace().display()), "");
    for (before, name) in BEFORE {
        let mut parts = text.split(before);
        let mut out = parts.next().unwrap_or_default().to_string();
        for part in parts {
            let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            // A full stop after a number ends the sentence.
            let stop = part[..part.len() - rest.len()].ends_with('.');
            out.push_str(&format!(
                "{before}{name}{}{rest}",
                if stop { "." } else { "" }
            ));
        }
        text = out;
    }
    // How much had come by the moment at which no more was waited for.
    for after in [" received\n", " bytes left out"] {
        let mut parts: Vec<String> = text.split(after).map(String::from).collect();
        let last = parts.pop().unwrap_or_default();
        for part in &mut parts {
            let kept = part
                .trim_end_matches(|c: char| c.is_ascii_digit() || c == ',')
                .len();
            if kept < part.len() {
                part.truncate(kept);
                part.push_str("NUMBER");
            }
        }
        parts.push(last);
        text = parts.join(after);
    }
    // How many lines a program gets out before it is ended depends on the moment as well.
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.dedup_by_key(|line| line.trim().trim_start_matches("stdout").trim_start());
    lines.join("\n") + "\n"
}

pub fn ten_failures_are_told_as_they_were_approved() {
    // Most of them wait for an answer that does not come: all of them wait at the same time.
    let differ: Vec<String> = thread::scope(|scope| {
        let checks = FAILURES.map(|failure| scope.spawn(move || differs(failure)));
        let found = checks.into_iter().filter_map(|check| check.join().unwrap());
        found.collect()
    });
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// How a failure is told now, if it is not told as it was approved.
fn differs((name, exercise, side, program, only): Failure) -> Option<String> {
    let places = match side {
        "client" => "{port} {message}",
        _ => "{port}",
    };
    let command = format!("python3 crates/lab-check/gallery/{exercise}/{program} {places}");
    let side = format!("--{side}");
    let out = run(&["check", exercise, &side, &command, "--only", only]);
    let told = without_chance(&text(&out));
    assert_eq!(code(&out), 1, "{name}: {told}");
    if std::env::var_os("LAB_UPDATE").is_some() {
        fs::create_dir_all(golden(name).parent().unwrap()).unwrap();
        fs::write(golden(name), &told).unwrap();
    }
    let approved = fs::read_to_string(golden(name)).unwrap_or_default();
    (told != approved).then(|| format!("{name}: approved was\n{approved}\nnow it is\n{told}"))
}

pub fn every_readme_section_that_a_failure_names_is_there() {
    // All sides of all exercises, as the tool lists
    // them; for each, where a failure sends its reader.
    let list = text(&run(&["check"]));
    let mut named = BTreeSet::new();
    for line in list.lines() {
        let mut words = line.split_whitespace();
        let (exercise, side) = (words.next().unwrap(), words.next().unwrap());
        let out = run(&["check", exercise, side, "false {port}"]);
        let told = text(&out);
        let read = told
            .lines()
            .find_map(|line| line.trim().strip_prefix("read "))
            .unwrap_or_else(|| panic!("{exercise} {side} names no README:\n{told}"));
        named.insert(read.trim().to_string());
    }
    assert!(named.len() >= 12, "{named:?}");
    for read in named {
        let (file, section) = read.split_once(", ").expect(&read);
        let readme = fs::read_to_string(workspace().join(file))
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        let heading = format!("## {}", section.trim_matches('"'));
        assert!(
            readme.lines().any(|line| line == heading),
            "{file} has no {heading}"
        );
    }
}

pub fn the_run_in_the_readme_is_the_approved_one() {
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    let (_, shown) = readme
        .split_once("gallery/dsd-eof/one-recv.py {port}\" --only byte-by-byte\n")
        .expect("the README shows a check");
    let (shown, _) = shown.split_once("\n```").unwrap();
    // `…` alone on a line leaves out any lines.
    let approved = fs::read_to_string(golden("one-recv")).unwrap();
    let shown = without_chance(&format!("{shown}\n"));
    let mut rest = approved.as_str();
    for part in shown.split("…\n").filter(|part| !part.is_empty()) {
        let at = rest.find(part);
        let at = at.unwrap_or_else(|| panic!("a check does not print:\n{part}\nbut:\n{rest}"));
        rest = &rest[at + part.len()..];
    }
    assert_ne!(rest, approved, "the README shows nothing of the check");
}
