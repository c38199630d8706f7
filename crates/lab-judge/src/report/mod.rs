//! How a result is told: to a person, or to a machine.
//!
//! | module | holds |
//! |---|---|
//! | [`human`] | the report that a student reads |
//! | [`student`] | what the author of a program reads after grading |
//! | [`html`] | a page with the pictures |
//! | [`quote`] | bytes as text, and how two runs of bytes differ |
//! | [`machine`] | our own schema |
//! | [`ci`] | JUnit's XML, and TAP |
//! | [`graders`] | Gradescope, and classroom50 |
//! | [`grades`], [`index`] | the table of many submissions, and a page that leads to theirs |

pub mod ci;
pub mod graders;
pub mod grades;
pub mod html;
pub mod human;
pub mod index;
pub mod machine;
pub mod quote;
pub mod student;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use labnet::Hint;

use crate::verdict::{CaseReport, Report, TESTS};

/// The forms of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a person: every case.
    Human,
    /// For a program's author: the score, what to fix first, each mistake once.
    Student,
    /// For a browser: what failed, each with its picture where the check drew one.
    Html,
    /// Our own schema, `lab-check/1`.
    Json,
    /// JUnit's XML.
    Junit,
    /// The Test Anything Protocol, version 13.
    Tap,
    /// Gradescope's `results.json`.
    Gradescope,
    /// classroom50's `result.json`, schema `classroom50/result/v1`.
    Classroom50,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 8] = [
        Format::Human,
        Format::Student,
        Format::Html,
        Format::Json,
        Format::Junit,
        Format::Tap,
        Format::Gradescope,
        Format::Classroom50,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Format::Human => "human",
            Format::Student => "student",
            Format::Html => "html",
            Format::Json => "json",
            Format::Junit => "junit",
            Format::Tap => "tap",
            Format::Gradescope => "gradescope",
            Format::Classroom50 => "classroom50",
        }
    }

    /// What files in this format end with.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Human => "full.txt",
            Format::Student => "txt",
            Format::Html => "html",
            Format::Json => "json",
            Format::Junit => "xml",
            Format::Tap => "tap",
            Format::Gradescope => "gradescope.json",
            Format::Classroom50 => "classroom50.json",
        }
    }

    /// Reads a format's name, for argh.
    ///
    /// # Errors
    ///
    /// Lists the names.
    pub fn parse(name: &str) -> Result<Self, String> {
        Format::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| {
                "the formats are human, student, html, json, junit, tap, gradescope and classroom50"
                    .to_string()
            })
    }
}

/// The report in a format, ready to be written.
///
/// # Errors
///
/// When a library cannot write it.
pub fn render(report: &Report, format: Format, color: bool) -> anyhow::Result<String> {
    match format {
        Format::Human => Ok(human::text(report, &human::Style { color, all: true })),
        Format::Student => Ok(student::text(report)),
        Format::Html => html::page(report),
        Format::Json => machine::json(report),
        Format::Junit => ci::junit(report),
        Format::Tap => Ok(ci::tap(report)),
        Format::Gradescope => graders::gradescope(report),
        Format::Classroom50 => graders::classroom50(report),
    }
}

/// Tries whether a result can be written into a file, and leaves the file as it is.
///
/// # Errors
///
/// When it cannot.
pub fn can_write(path: &Path) -> anyhow::Result<()> {
    let beside = beside(path)?;
    let tried = if path.is_dir() {
        Err(std::io::ErrorKind::IsADirectory.into())
    } else {
        fs::File::create_new(&beside).and_then(|_| fs::remove_file(&beside))
    };
    tried
        .with_context(|| format!("cannot write the results to {}", path.display()))
        .hint("does the folder exist, and may you write there?")
}

/// A text without the path of a folder, which says nothing to anyone who reads it elsewhere.
pub fn without_folder(folder: &str, text: &str) -> String {
    text.replace(&format!("{folder}/"), "").replace(folder, ".")
}

/// The command that plays a case alone: with these words for the folder, the program and the seed.
fn check_again(
    report: &Report,
    case: &CaseReport,
    folder: &str,
    command: &str,
    seed: &str,
) -> String {
    let (exercise, id) = (&report.exercise, case.id);
    // The exercise's own tests are about all sides together.
    if case.role == TESTS {
        return format!("cargo lab check {exercise} --only {id}");
    }
    format!(
        "cargo lab check {exercise}{folder} --{} {} --only {id}{seed}{}",
        case.role,
        shell_words::quote(command),
        report.options
    )
}

/// Writes a result into a file: next to it first, then in its place with
/// one step, so that a reader sees the old one or the new one, never a
/// half. What the programs under test may have written there is replaced.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let beside = beside(path)?;
    let written = fs::File::create_new(&beside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // Fails when it was never made: then there is nothing to remove.
        let _never_made = fs::remove_file(&beside);
    }
    written
        .with_context(|| format!("cannot write the results to {}", path.display()))
        .hint("does the folder exist, and may you write there?")
}

fn beside(path: &Path) -> anyhow::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| anyhow!("{} is not a name of a file", path.display()))
        .hint("--out results.json")?;
    let name = format!(
        ".{}.{}.lab-check",
        name.to_string_lossy(),
        std::process::id()
    );
    Ok(path.with_file_name(name))
}
