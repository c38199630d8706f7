//! What `cargo lab check` looks for, and what it says of our own programs: from checks that are
//! made when the book is built.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;

use anyhow::{Context, anyhow, bail};
use lab_core::cargo;
use lab_core::catalog::Catalog;
use lab_core::process::{self, Stream};
use lab_core::staging::StagingDir;
use labnet::log;
use maud::{Markup, html};
use serde::Deserialize;

use crate::data::Data;
use crate::runs::each;

/// How many checks are made at a time. Most of their time they wait.
const AT_A_TIME: usize = 3;
/// How many pieces of the check's output may wait to be read.
const WAITING_PIECES: usize = 64;

/// The check's exit code when it cannot decide.
const UNDECIDED: i32 = 2;

/// A check that could not decide, in its words.
#[derive(Debug)]
struct Undecided(String);

impl fmt::Display for Undecided {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Undecided {}

/// What the check says of one of our programs.
#[derive(Debug)]
pub struct Judged {
    /// The words after `cargo lab check`.
    words: Vec<String>,
    /// What it printed.
    said: String,
    /// What the exercise asks for, in the order of the cases.
    asks: Vec<String>,
}

/// The part of the check's report in JSON that is read here.
#[derive(Debug, Deserialize)]
struct Report {
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    sheet: Option<String>,
}

/// Checks every program of ours for which an exercise has a check. Where the check cannot decide,
/// as on a busy machine, it is asked once more, alone.
///
/// # Errors
///
/// When the check cannot be made, or a program of ours does not pass it.
pub fn judge_all<'a>(
    catalog: &Catalog,
    all_data: &BTreeMap<&'a str, Data>,
) -> anyhow::Result<BTreeMap<&'a str, Vec<Judged>>> {
    let mut wanted = Vec::new();
    for (id, data) in all_data {
        for command in &data.check {
            wanted.push((*id, words(command)?));
        }
    }
    log!("checking {} programs …", wanted.len());
    let tool = cargo::build_tool("lab-check")?;
    let folder = StagingDir::temporary("lab-book-check").context("cannot make a folder")?;
    let judge = |words: &[String]| {
        let file = folder.path().join(format!("{}.json", words.concat()));
        judge(&tool, &catalog.root, words, &file)
    };
    let first = each(&wanted, AT_A_TIME, |(_, words)| judge(words));
    let mut all: BTreeMap<&str, Vec<Judged>> = all_data.keys().map(|id| (*id, vec![])).collect();
    for ((id, words), judged) in wanted.iter().zip(first) {
        let judged = judged.or_else(|error| match error.is::<Undecided>() {
            true => {
                log!("{error:#}; once more, alone");
                judge(words)
            }
            false => Err(error),
        })?;
        all.entry(id).or_default().push(judged);
    }
    Ok(all)
}

/// The words that check our program in the place of the reader's: `dsd-eof --server "python3 …"`
/// becomes `dsd-eof --server rust`.
fn words(command: &str) -> anyhow::Result<Vec<String>> {
    let words = shell_words::split(command).unwrap_or_default();
    match &words[..] {
        [exercise, side, _] if side.starts_with("--") => {
            Ok(vec![exercise.clone(), side.clone(), "rust".to_string()])
        }
        _ => bail!("`{command}` is not an exercise, a side and a command"),
    }
}

fn judge(tool: &Path, root: &Path, words: &[String], report: &Path) -> anyhow::Result<Judged> {
    let mut command = Command::new(tool);
    command.arg("check").args(words);
    command
        .arg("--save")
        .arg(format!("json={}", report.display()));
    command.current_dir(root).stdin(Stdio::null());
    let mut check = process::start(&mut command).context("cannot start lab-check")?;
    let (sender, events) = sync_channel(WAITING_PIECES);
    check.listen((), &sender);
    drop(sender);
    let (mut said, mut errors) = (Vec::new(), Vec::new());
    // The check has its own limit of time.
    for event in events {
        match event.stream {
            Stream::Stdout => said.extend(event.bytes.unwrap_or_default()),
            Stream::Stderr => errors.extend(event.bytes.unwrap_or_default()),
        }
    }
    let status = check.end()?;
    let said = String::from_utf8(said).context("the check printed something other than text")?;
    let errors = String::from_utf8_lossy(&errors);
    let told = format!(
        "cargo lab check {} ({status}):\n{said}{errors}",
        words.join(" ")
    );
    match status.code() {
        Some(0) => {}
        Some(UNDECIDED) => return Err(Undecided(told).into()),
        _ => bail!(told),
    }
    let report = fs::read_to_string(report).context("the check wrote no report")?;
    let report: Report = serde_json::from_str(&report).map_err(|error| anyhow!(error))?;
    let mut asks: Vec<String> = Vec::new();
    for sheet in report.cases.into_iter().filter_map(|case| case.sheet) {
        if !asks.contains(&sheet) {
            asks.push(sheet);
        }
    }
    Ok(Judged {
        words: words.to_vec(),
        said,
        asks,
    })
}

/// What the check looks for, and, behind a click, what it says of our programs.
pub fn section(all: &[Judged]) -> Markup {
    html! {
        @if !all.is_empty() {
            h3 #asks { "What the check looks for" }
            div.pair {
                @for one in all {
                    div.prose {
                        p.caption { code { (one.words[0]) } ", the " (one.words[1].trim_start_matches('-')) }
                        ul { @for ask in &one.asks { li { (ask) } } }
                    }
                }
            }
            details.how #verdict {
                summary { "What the check says of our programs" }
                div.prose {
                    @for one in all {
                        pre.console {
                            b { "$ cargo lab check " (one.words.join(" ")) } "\n"
                            (one.said.trim_end())
                        }
                    }
                    p {
                        "Checked when this book was built. The cases of the second question are not on the sheet: "
                        "they are what other programs and networks do. What it says of a program that fails is in "
                        a href="mistakes.html" { "the chapter of mistakes" } "."
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_program_is_checked_in_the_place_of_the_readers() {
        let command = "dsd-eof --server \"python3 my_server.py {port}\"";
        assert_eq!(words(command).unwrap(), ["dsd-eof", "--server", "rust"]);
        for bad in [
            "dsd-eof --server",
            "dsd-eof server x",
            "dsd-eof --server a b",
        ] {
            assert!(words(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_check_says_is_shown_as_it_is() {
        let one = Judged {
            words: ["a", "--server", "rust"].map(str::to_string).to_vec(),
            said: "ok    whole  answers <EOF>\n".to_string(),
            asks: vec!["task 1: it answers".to_string()],
        };
        let shown = section(&[one]).0;
        assert!(shown.contains(
            "$ cargo lab check a --server rust</b>\nok    whole  answers &lt;EOF&gt;</pre>"
        ));
        assert!(shown.contains("<li>task 1: it answers</li>"));
        assert_eq!(section(&[]).0, "");
    }
}
