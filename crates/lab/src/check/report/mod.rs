//! How a result is told: to a person, or to a machine.

pub mod human;
pub mod machine;
pub mod quote;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use labnet::Hint;

use crate::verdict::Report;

/// The forms of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a person.
    Human,
    /// Our own schema, `lab-check/1`.
    Json,
    /// JUnit's XML.
    Junit,
    /// The Test Anything Protocol, version 14.
    Tap,
    /// Gradescope's `results.json`.
    Gradescope,
    /// classroom50's `result.json`, schema `classroom50/result/v1`.
    Classroom50,
}

impl Format {
    /// Reads a format's name, for argh.
    ///
    /// # Errors
    ///
    /// Lists the names.
    pub fn parse(name: &str) -> Result<Self, String> {
        Ok(match name {
            "human" => Format::Human,
            "json" => Format::Json,
            "junit" => Format::Junit,
            "tap" => Format::Tap,
            "gradescope" => Format::Gradescope,
            "classroom50" => Format::Classroom50,
            _ => {
                return Err(
                    "the formats are human, json, junit, tap, gradescope and classroom50"
                        .to_string(),
                );
            }
        })
    }
}

/// The report in a format, ready to be written.
///
/// # Errors
///
/// When a library cannot write it.
pub fn render(report: &Report, format: Format, colour: bool) -> anyhow::Result<String> {
    match format {
        Format::Human => Ok(human::text(report, &human::Style { colour, all: true })),
        Format::Json => machine::json(report),
        Format::Junit => machine::junit(report),
        Format::Tap => Ok(machine::tap(report)),
        Format::Gradescope => machine::gradescope(report),
        Format::Classroom50 => machine::classroom50(report),
    }
}

/// Writes a result into a file: beside it first, then in its place with one step, so that a reader sees the old one or
/// the new one, never a half. What the programs under test may have written there is replaced.
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
        .ok_or_else(|| anyhow!("{} is no name of a file", path.display()))
        .hint("--out results.json")?;
    let name = format!(".{}.{}", name.to_string_lossy(), std::process::id());
    Ok(path.with_file_name(name))
}
