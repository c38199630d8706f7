//! What is left to do when every case passes.

use std::fs;
use std::path::Path;

use lab_judge::exercise::Role;
use lab_judge::verdict::{Outcome, Report};

use crate::{target, workspace};

/// What a starter has at its top: the compiler accepts what is not used yet.
const ALLOW: &str = "#![allow(unused)]";

/// The lines of a starter that its author may forget to take out; `None` before every case passes.
pub fn of_the_starter(report: &Report, sides: &[(&'static Role, String)]) -> Option<String> {
    let passed = |outcome: &Outcome| matches!(outcome, Outcome::Passed);
    if !report.cases.iter().all(|case| passed(&case.outcome)) {
        return None;
    }
    let folders = sides
        .iter()
        .filter_map(|(role, command)| target::own_files(role, command));
    let mut files: Vec<String> = folders.flat_map(|folder| allowing(&folder)).collect();
    files.sort();
    files.dedup();
    let begin = match files.len() {
        0 => return None,
        1 => "begins",
        _ => "begin",
    };
    Some(format!(
        "{} still {begin} with {ALLOW}. Take out that line and its two neighbors: \
         the compiler then names what nothing uses.",
        files.join(" and "),
    ))
}

/// The sources in a folder that have the line, by their paths from the root.
fn allowing(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let sources = entries.flatten().map(|entry| entry.path());
    let sources = sources.filter(|path| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().any(|line| line == ALLOW)
    });
    let shown = |path: &Path| {
        let path = path.strip_prefix(workspace::root()).unwrap_or(path);
        path.display().to_string()
    };
    sources.map(|path| shown(&path)).collect()
}

/// Where the exercise continues: a section of its README that asks for more.
pub fn next(report: &Report) -> Option<String> {
    let mut readmes = report.sides.iter().map(|side| &side.readme);
    let readme = readmes.find(|readme| {
        let text = fs::read_to_string(workspace::root().join(readme)).unwrap_or_default();
        let mut lines = text.lines();
        lines.any(|line| line.trim_start_matches('#') == " Try this")
    })?;
    Some(format!(
        "What comes next is in {readme}, \"Try this\": what else your programs can show."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exercises::EXERCISES;

    #[test]
    fn only_a_source_that_still_has_the_line_is_named() {
        let folder = std::env::temp_dir().join(format!("lab-left-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
        let write = |name: &str, text: &str| {
            fs::write(folder.join(name), text).expect("a file of ours can be written");
        };
        write(
            "main.rs",
            "//! A server.\n\n// Take these out.\n#![allow(unused)]\n",
        );
        write("sum.rs", "// no #![allow(unused)] here\n");
        let found = allowing(&folder);
        assert_eq!(found, [folder.join("main.rs").display().to_string()]);
        write("main.rs", "//! A server.\n");
        assert_eq!(allowing(&folder), [""; 0]);
        fs::remove_dir_all(&folder).expect("a folder of ours can be removed");
    }

    #[test]
    fn nothing_is_left_to_take_out_of_a_program_of_ours() {
        let exercise = EXERCISES.first().expect("something can be checked");
        let roles = exercise.roles.iter();
        let sides: Vec<_> = roles.map(|role| (role, "rust".to_string())).collect();
        assert_eq!(of_the_starter(&Report::default(), &sides), None);
    }
}
