//! `cargo lab list`: what there is, and the command for each.

use std::fmt::Write;

use argh::{ArgsInfo, FromArgs};
use lab_core::catalog::{Catalog, Exercise, Sheet};
use labnet::say;

/// The widest line, in characters.
const WIDTH: usize = 80;

/// Lists the exercises by sheet: what each teaches, and how it is run.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "list",
    help_triggers("-h", "--help"),
    example = "cargo lab list",
    example = "cargo lab list --sheet dsd"
)]
pub struct List {
    /// only the sheet of this short name: dsd, cmpu …
    #[argh(option)]
    sheet: Option<String>,
}

impl List {
    /// Prints the list to stdout.
    ///
    /// # Errors
    ///
    /// When the workspace cannot be read, the sheet is unknown, or stdout is closed.
    pub fn run(&self) -> anyhow::Result<()> {
        let catalog = Catalog::read()?;
        let text = match &self.sheet {
            Some(id) => shown(catalog.sheet(id)?),
            None => catalog
                .sheets
                .iter()
                .filter(|sheet| !sheet.exercises.is_empty())
                .map(shown)
                .collect::<Vec<_>>()
                .join("\n"),
        };
        say!("{}", text.trim_end())
    }
}

/// A sheet's part of the list.
fn shown(sheet: &Sheet) -> String {
    let mut text = format!("{} ({})\n", sheet.title, sheet.id);
    for exercise in &sheet.exercises {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  {}\n", exercise.title);
        let _ = writeln!(text, "    {}", how_to_run(exercise));
        let roles = exercise.programs.iter().map(|p| p.role.name().len());
        let indent = 4 + roles.max().unwrap_or(0) + 2;
        for program in &exercise.programs {
            let role = program.role.name();
            let first = format!("    {role:<width$}", width = indent - 4);
            text.push_str(&wrapped(&program.teaches, &first, indent));
            if program.interactive {
                text.push_str(&wrapped("Reads your keyboard", "", indent));
            }
            if program.needs_web_server {
                let note = "Needs a web server: cargo lab starts a small one";
                text.push_str(&wrapped(note, "", indent));
            }
        }
    }
    text
}

fn how_to_run(exercise: &Exercise) -> String {
    match exercise.roles() {
        Ok(_) => format!("cargo lab run {}", exercise.id),
        Err(_) => {
            let folders: Vec<_> = exercise
                .programs
                .iter()
                .map(|p| format!("{}/README.md", p.folder))
                .collect();
            wrapped(&folders.join(" "), "    see ", 4 + "see ".len())
                .trim()
                .to_string()
        }
    }
}

/// Words in lines of at most [`WIDTH`], the first line after `first`, all at the same column.
fn wrapped(words: &str, first: &str, indent: usize) -> String {
    let mut text = format!("{first:<indent$}");
    let mut column = indent;
    for (place, word) in words.split_whitespace().enumerate() {
        let length = word.chars().count();
        if place > 0 && column + 1 + length > WIDTH {
            let _ = write!(text, "\n{:indent$}", "");
            column = indent;
        } else if place > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_before_column_80() {
        let words = "word ".repeat(40);
        let text = wrapped(&words, "  server", 10);
        assert!(text.starts_with("  server  word word"), "{text}");
        for line in text.lines() {
            assert!(line.len() <= WIDTH, "{line:?} is {} long", line.len());
            assert_eq!(line.find("word"), Some(10), "{line:?}");
        }
        assert_eq!(text.matches("word").count(), 40);
        assert_eq!(text.lines().next().map(str::len), Some(79));
    }

    #[test]
    fn a_word_that_is_too_long_stays_whole() {
        assert_eq!(
            wrapped(&"x".repeat(90), "", 2),
            format!("  {}\n", "x".repeat(90))
        );
    }
}
