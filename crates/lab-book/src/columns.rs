//! The two columns of a program: Rust and Python, row by row. The exercise's own rows are in sight;
//! what is around them, such as reading the arguments, is behind a click.

use std::ops::Range;
use std::path::Path;

use anyhow::Context;
use lab_core::catalog::Program;
use maud::{Markup, html};

use crate::code::{self, Language};
use crate::data::read;
use crate::page::made;
use crate::steps::{self, Key, Row};

/// The program's two sources in rows; of them those whose key is wanted.
///
/// # Errors
///
/// When a file cannot be read, or the steps of the two do not pair.
pub fn side_by_side(
    root: &Path,
    program: &Program,
    mut wanted: impl FnMut(Option<&Key>) -> bool,
) -> anyhow::Result<Markup> {
    let folder = root.join(&program.folder);
    let main = folder.join("src/main.rs");
    let rust = read(&main)?;
    let twin = folder.join("twin.py");
    let python = if twin.exists() {
        read(&twin)?
    } else {
        String::new()
    };
    let mut rows = if python.is_empty() {
        vec![Row {
            key: None,
            left: 0..rust.lines().count(),
            right: 0..0,
        }]
    } else {
        steps::rows(&rust, &python)
            .with_context(|| format!("main.rs and twin.py of {} do not pair", program.package))?
    };
    let all = rows.len();
    rows.retain(|row| wanted(row.key.as_ref()));
    // A part that was asked for by its name is shown as it is.
    let folded = match rows.len() == all {
        true => outside(&rows, [&rust, &python]),
        false => vec![false; rows.len()],
    };
    let numbered: Vec<(usize, &Row)> = rows.iter().enumerate().collect();
    let parts = numbered.chunk_by(|(a, _), (b, _)| folded[*a] == folded[*b]);
    let left = code::lines(&rust, Language::Rust)?;
    let right = code::lines(&python, Language::Python)?;
    let package = &program.package;
    let heads = [(Language::Rust, "main.rs"), (Language::Python, "twin.py")];
    let both = !python.is_empty();
    let shown = |number: usize, row: &Row| {
        html! {
            div.row role="group" tabindex="0" id=(row_id(package, number, row))
                aria-label=(label(row)) {
                (cell(&left, row.left.clone()))
                @if both { (cell(&right, row.right.clone())) }
            }
        }
    };
    Ok(html! {
        div.code.alone[!both] data-program=(package) {
            div.heads {
                @for (language, name) in &heads[..if both { 2 } else { 1 }] {
                    div.head {
                        strong { (language.name()) } " "
                        a href={ "files/" (package) "/" (name) } download { (package) "/" (name) }
                    }
                }
            }
            @for part in parts {
                @if folded[part[0].0] {
                    details.rest {
                        summary { (summary(part)) }
                        @for (number, row) in part { (shown(*number, row)) }
                    }
                } @else {
                    @for (number, row) in part { (shown(*number, row)) }
                }
            }
        }
    })
}

/// Which rows are outside the exercise: they hold no line of a region, nor the beginning of one;
/// that of `main` reads the arguments. A program without regions is the exercise as a whole.
fn outside(rows: &[Row], texts: [&str; 2]) -> Vec<bool> {
    let regions = texts.map(regions);
    if regions.iter().all(Vec::is_empty) {
        return vec![false; rows.len()];
    }
    let outside = |row: &Row| {
        let is_main = matches!(&row.key, Some(Key::Function(name)) if name == "main");
        // The mark alone is not enough.
        let mark = usize::from(is_main);
        let meets = |lines: &Range<usize>, regions: &[Range<usize>]| {
            let mut regions = regions.iter();
            regions.any(|region| lines.start < region.end && region.start + mark < lines.end)
        };
        !meets(&row.left, &regions[0]) && !meets(&row.right, &regions[1])
    };
    rows.iter().map(outside).collect()
}

/// The lines of each region of a program, from 0, with the marks around it.
fn regions(text: &str) -> Vec<Range<usize>> {
    let mut regions = Vec::new();
    let mut begin = None;
    for (number, line) in text.lines().enumerate() {
        let words = line.trim_start().trim_start_matches(['/', '#']).trim();
        match words {
            "region: exercise" => begin = Some(number),
            "endregion: exercise" => {
                regions.extend(begin.take().map(|begin| begin..number + 1));
            }
            _ => {}
        }
    }
    regions
}

/// What stands for the rows behind a click: their lines.
fn summary(part: &[(usize, &Row)]) -> String {
    let lines = |name: &str, side: fn(&Row) -> &Range<usize>| {
        let mut rows = part.iter().map(|(_, row)| side(row));
        let first = rows.clone().find(|lines| !lines.is_empty())?.start + 1;
        let last = rows.rfind(|lines| !lines.is_empty())?.end;
        Some(format!("{name} {first}–{last}"))
    };
    let both = [
        lines("main.rs", |row| &row.left),
        lines("twin.py", |row| &row.right),
    ];
    let both: Vec<String> = both.into_iter().flatten().collect();
    format!("Around the exercise: {}", both.join(", "))
}

fn row_id(package: &str, number: usize, row: &Row) -> String {
    match &row.key {
        Some(Key::Step(step, _)) => format!("{package}-step-{step}"),
        _ => format!("{package}-part-{number}"),
    }
}

fn label(row: &Row) -> String {
    match &row.key {
        None => "The top of both files".to_string(),
        Some(Key::Step(number, words)) => format!("Step {number}: {words}"),
        Some(Key::Function(name)) => format!("The function {name}"),
        Some(Key::Rest) => "Parts that only one side has".to_string(),
    }
}

/// Some lines of a program, with their numbers.
fn cell(lines: &[String], range: std::ops::Range<usize>) -> Markup {
    let start = range.start;
    let lines = lines.get(range).unwrap_or_default();
    html! {
        pre style={ "counter-reset:l " (start) } {
            @for line in lines { span { (made(line)) "\n" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUST: &str = "//! A.\nfn main() {\n    // region: exercise\n    // 1. Create\n    a();\n    // endregion: exercise\n}\n\nfn help() {\n    b();\n}\n";
    const PYTHON: &str = "def main():\n    # region: exercise\n    # 1. Create\n    a()\n    # endregion: exercise\n\n\ndef help():\n    b()\n";

    #[test]
    fn rows_that_hold_nothing_of_the_exercise_are_folded() {
        assert_eq!(regions(RUST), vec![2..6; 1]);
        let rows = steps::rows(RUST, PYTHON).unwrap();
        let names: Vec<String> = rows.iter().map(label).collect();
        let folded = outside(&rows, [RUST, PYTHON]);
        let named = |folded_too: bool| -> Vec<&str> {
            let named = names.iter().zip(&folded);
            let named = named.filter(|(_, folded)| **folded == folded_too);
            named.map(|(name, _)| name.as_str()).collect()
        };
        assert_eq!(named(false), ["Step 1: Create"]);
        assert!(named(true).contains(&"The function help"), "{names:?}");
        let part: Vec<(usize, &Row)> = rows.iter().enumerate().rev().take(1).collect();
        assert_eq!(
            summary(&part),
            "Around the exercise: main.rs 9–11, twin.py 8–9"
        );
    }

    #[test]
    fn a_program_without_regions_is_shown_as_a_whole() {
        let [rust, python] = [RUST, PYTHON].map(|text| text.replace("region", "part"));
        let rows = steps::rows(&rust, &python).unwrap();
        assert!(!outside(&rows, [&rust, &python]).contains(&true));
    }
}
