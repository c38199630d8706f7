//! Two programs side by side: which lines of the one belong to which of the other.
//!
//! A numbered step, `// 1. Create the socket`, is in both programs in the same words. A function
//! that both have is a row too. What has no partner stays in the row that it follows. What comes
//! after the end of a function has a row of its own.

use std::ops::Range;

use anyhow::{bail, ensure};
use lab_core::steps::of_line;

use crate::code::Language;

/// What begins a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// A numbered step: `1`, `Create the socket`.
    Step(usize, String),
    /// A function at the top level, by its name.
    Function(String),
    /// What follows a function, and has no partner as a whole: helpers of one side.
    Rest,
}

/// A row: the same part of both programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What begins it; the top of a file has none.
    pub key: Option<Key>,
    /// The lines of the left program, from 0.
    pub left: Range<usize>,
    /// The lines of the right program.
    pub right: Range<usize>,
}

/// Where the parts of a program begin: line from 0, and key.
pub fn keys(text: &str, language: Language) -> Vec<(usize, Key)> {
    let all: Vec<&str> = text.lines().collect();
    let mut keys = Vec::new();
    for (number, line) in all.iter().enumerate() {
        if let Some((step, words)) = of_line(line, language.comment()) {
            keys.push((number, Key::Step(step, words.to_string())));
        } else if let Some(name) = function(line, language) {
            let begins = |line: &&str| {
                line.starts_with(language.comment())
                    || line.starts_with("#[")
                    || line.starts_with('@')
            };
            let above = all[..number].iter().rev().take_while(|line| begins(line));
            keys.push((number - above.count(), Key::Function(name.to_string())));
        }
    }
    keys
}

/// The name of the function that a line at the top level begins.
fn function(line: &str, language: Language) -> Option<&str> {
    let rest = match language {
        Language::Rust => line
            .strip_prefix("pub ")
            .unwrap_or(line)
            .strip_prefix("fn ")?,
        Language::Python => line.strip_prefix("def ")?,
    };
    let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_')?;
    Some(&rest[..end])
}

/// The rows of a Rust program and its Python twin.
///
/// # Errors
///
/// When a step of one is not in the other in the same words and the same place.
pub fn rows(rust: &str, python: &str) -> anyhow::Result<Vec<Row>> {
    let (ours, theirs) = (keys(rust, Language::Rust), keys(python, Language::Python));
    let (ends, their_ends) = (rust.lines().count(), python.lines().count());
    let steps = |keys: &[(usize, Key)]| -> Vec<Key> {
        let steps = keys.iter().filter(|(_, key)| matches!(key, Key::Step(..)));
        steps.map(|(_, key)| key.clone()).collect()
    };
    for (ours, theirs) in steps(&ours).iter().zip(steps(&theirs)) {
        ensure!(*ours == theirs, "{ours:?} in Rust is {theirs:?} in Python");
    }
    if steps(&ours).len() != steps(&theirs).len() {
        bail!("one program has more numbered steps than the other");
    }
    let mut rows = vec![Row {
        key: None,
        left: 0..0,
        right: 0..0,
    }];
    for (left, right) in pairs(&ours, &theirs) {
        let (begin, key) = &ours[left];
        let their_begin = theirs[right].0;
        if let Some(last) = rows.last_mut() {
            last.left.end = *begin;
            last.right.end = their_begin;
        }
        rows.push(Row {
            key: Some(key.clone()),
            left: *begin..*begin,
            right: their_begin..their_begin,
        });
    }
    if let Some(last) = rows.last_mut() {
        last.left.end = ends;
        last.right.end = their_ends;
    }
    let (left, right): (Vec<&str>, Vec<&str>) = (rust.lines().collect(), python.lines().collect());
    let rows = rows.into_iter();
    Ok(rows
        .flat_map(|row| without_rest(row, &left, &right))
        .collect())
}

/// A row of a step or a function, and one for what follows the end of that function.
fn without_rest(row: Row, left: &[&str], right: &[&str]) -> Vec<Row> {
    let Some(key) = &row.key else {
        return vec![row];
    };
    let [left_end, right_end] = [(left, &row.left), (right, &row.right)].map(|(lines, range)| {
        let inside = &lines[range.clone()];
        // Above the body of a function are its own first line, and comments.
        let body = match key {
            Key::Step(..) => Some(0),
            _ => inside.iter().position(|line| line.starts_with([' ', '\t'])),
        };
        let body = body.unwrap_or(inside.len());
        let after = inside[body..].iter().position(|line| at_top_level(line));
        range.start + after.map_or(inside.len(), |after| body + after)
    });
    let rest = Row {
        key: Some(Key::Rest),
        left: left_end..row.left.end,
        right: right_end..row.right.end,
    };
    if rest.left.is_empty() && rest.right.is_empty() {
        return vec![row];
    }
    let row = Row {
        key: row.key.clone(),
        left: row.left.start..left_end,
        right: row.right.start..right_end,
    };
    vec![row, rest]
}

/// Whether a line begins something at the top level of a file.
fn at_top_level(line: &str) -> bool {
    line.starts_with(|letter: char| !letter.is_whitespace() && !"})]".contains(letter))
}

/// The longest list of equal keys, in the order of both: every step is in it, since all steps are
/// equal, and a function where it is at the same place between them.
fn pairs(ours: &[(usize, Key)], theirs: &[(usize, Key)]) -> Vec<(usize, usize)> {
    // best[i][j]: how much the pairs from i and j on are worth. A step is worth more than all
    // functions together.
    let worth = |key: &Key| match key {
        Key::Step(..) => ours.len() + theirs.len(),
        Key::Function(_) | Key::Rest => 1,
    };
    let mut best = vec![vec![0; theirs.len() + 1]; ours.len() + 1];
    for i in (0..ours.len()).rev() {
        for j in (0..theirs.len()).rev() {
            let skipped = best[i + 1][j].max(best[i][j + 1]);
            best[i][j] = if ours[i].1 == theirs[j].1 {
                skipped.max(best[i + 1][j + 1] + worth(&ours[i].1))
            } else {
                skipped
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < ours.len() && j < theirs.len() {
        let both = ours[i].1 == theirs[j].1;
        if both && best[i][j] == best[i + 1][j + 1] + worth(&ours[i].1) {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if best[i][j] == best[i + 1][j] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUST: &str = "//! A.\nuse x;\n\nfn main() {\n    // 1. Create\n    a();\n}\n\n\
                        /// Serves.\nfn serve() {\n    // 2. Read\n}\n";
    const PYTHON: &str = "import x\n\n\ndef main():\n    # 1. Create\n    a()\n\n\n\
                          def serve():\n    # 2. Read\n    b()\n\n\ndef fail():\n    pass\n\n\nmain()\n";

    #[test]
    fn steps_and_functions_are_rows_and_every_line_is_in_one() {
        let rows = rows(RUST, PYTHON).unwrap();
        let keys: Vec<String> = rows
            .iter()
            .map(|row| match &row.key {
                None => "top".to_string(),
                Some(Key::Step(number, words)) => format!("{number} {words}"),
                Some(Key::Function(name)) => name.clone(),
                Some(Key::Rest) => "rest".to_string(),
            })
            .collect();
        assert_eq!(keys, ["top", "main", "1 Create", "serve", "2 Read", "rest"]);
        // A helper of one side is not a part of the step before it.
        assert_eq!((&rows[4].right, &rows[5].right), (&(9..13), &(13..18)));
        assert!(rows[5].left.is_empty());
        // The comment above a function is in its row.
        assert_eq!(rows[3].left, 8..10);
        let mut ends = (0, 0);
        for row in &rows {
            assert_eq!((row.left.start, row.right.start), ends);
            ends = (row.left.end, row.right.end);
        }
        assert_eq!(ends, (RUST.lines().count(), PYTHON.lines().count()));
    }

    #[test]
    fn a_step_without_its_partner_is_an_error() {
        let error = rows(RUST, &PYTHON.replace("1. Create", "1. Make")).unwrap_err();
        assert!(error.to_string().contains("Make"), "{error}");
        rows(RUST, &PYTHON.replace("# 2. Read", "# read")).unwrap_err();
        rows(&RUST.replace("// 2. Read", "// read"), PYTHON).unwrap_err();
    }
}
