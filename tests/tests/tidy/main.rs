//! The house rules that a machine can check. Each is a function from texts to problems, with a test
//! on the workspace and one on a bad example: a rule must be able to fail.
//!
//! A problem is a line that says where it is, what is wrong and what to do.
//!
//! | module | checks |
//! |---|---|
//! | [`manifests`] | names, inherited fields, descriptions, and which way dependencies point |
//! | [`modules`] | circles of imports, and that state machines are pure |
//! | [`programs`] | headers, steps, twins and the size of the lab programs |
//! | [`commands`] | the commands that documents and headers show |
//! | [`crib`] | the page for readers of Python shows lines that the programs have |
//! | [`sizes`] | tables of modules, and the length of files |
//! | [`hints`] | every step of a starter has hints, and none gives the solution away |
//! | [`shell`] | takes a shell's line apart, for `commands` |
//! | [`prose`] | lines of a readable length, nothing left for later, fresh pages, guides that name what is there |

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tests::binaries::workspace;

mod commands;
mod crib;
mod hints;
mod manifests;
mod modules;
mod programs;
mod prose;
mod shell;
mod sizes;

fn assert_tidy(problems: &[String]) {
    assert!(problems.is_empty(), "\n\n{}\n", problems.join("\n"));
}

/// A file's name from the workspace's root, with `/`, and its text.
fn file(path: &Path) -> (String, String) {
    let text = fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    (file_name(path), text.replace("\r\n", "\n"))
}

/// A path from the workspace's root, with `/`.
fn file_name(path: &Path) -> String {
    let path = path.strip_prefix(workspace()).unwrap_or(path);
    path.display().to_string().replace('\\', "/")
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
