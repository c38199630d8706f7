//! What the book says about an exercise: a file of data for each.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use crate::plan::Plan;
use crate::question::Question;

/// The data of an exercise.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Data {
    /// How a reader's own programs are checked: the words after `cargo lab check`.
    pub check: Vec<String>,
    /// What our own programs are told in every run of the exercise, on both sides.
    pub args: Vec<String>,
    /// How the run on its page is made; without it, both sides run as they are, in Rust.
    pub run: Plan,
    /// What is asked before the reader looks.
    pub question: Vec<Question>,
}

/// Reads the data of an exercise. An exercise may have none.
///
/// # Errors
///
/// When the file is not as it should be: the error names the line.
pub fn of(root: &Path, exercise: &str) -> anyhow::Result<Data> {
    let path = root.join(format!("crates/lab-book/exercises/{exercise}.toml"));
    if !path.exists() {
        return Ok(Data::default());
    }
    let wrong = || format!("cannot understand {}", path.display());
    let data: Data = toml::from_str(&read(&path)?).with_context(wrong)?;
    for question in &data.question {
        question.sound().with_context(wrong)?;
    }
    Ok(data)
}

/// A file's text.
pub fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
