//! What is right: each file in this folder is one exercise, with a `pub static EXERCISE`.
//!
//! `build.rs` finds the files, so a new one needs no line here. What its sheet asks for is a file
//! of the same name in `sheets/`.

use lab_core::catalog::Catalog;
use lab_judge::exercise::Exercise;

include!(concat!(env!("OUT_DIR"), "/exercises.rs"));

/// The exercises in the order of the catalog, as `cargo lab list` shows them.
pub fn in_order() -> Vec<&'static Exercise> {
    let mut exercises = EXERCISES.to_vec();
    // A hand-out of the Python programs has no catalog, and one exercise.
    if let Ok(catalog) = Catalog::read() {
        let names: Vec<&str> = catalog.names().collect();
        exercises.sort_by_key(|exercise| names.iter().position(|name| *name == exercise.name));
    }
    exercises
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_sheet_names_cases_that_are_there_once_and_that_depend_on_nothing_else() {
        let mut wrong = Vec::new();
        for exercise in EXERCISES {
            for role in exercise.roles {
                let of = format!("{} {}", exercise.name, role.kind.name());
                let cases: BTreeSet<&str> = role.cases.iter().map(|case| case.id).collect();
                let named: Vec<&str> = role
                    .sheet
                    .iter()
                    .flat_map(|asked| asked.cases)
                    .copied()
                    .collect();
                let asked: BTreeSet<&str> = named.iter().copied().collect();
                if asked.len() != named.len() || asked.is_empty() {
                    wrong.push(format!("{of}: the sheet names a case twice, or none"));
                }
                wrong.extend(
                    asked
                        .difference(&cases)
                        .map(|id| format!("{of} has no case {id}")),
                );
                // Else a program that does what the sheet asks would not be shown to do so.
                for case in role.cases.iter().filter(|case| asked.contains(case.id)) {
                    let mut others = case.depends_on.iter().filter(|id| !asked.contains(*id));
                    wrong.extend(
                        others
                            .next()
                            .map(|id| format!("{of}: {} depends on {id}", case.id)),
                    );
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_sheet_says_which_exercise_asks_in_a_sentence_without_its_end() {
        for exercise in EXERCISES {
            for asked in exercise.roles.iter().flat_map(|role| role.sheet) {
                let (part, sentence) = asked.words.split_once(": ").unwrap_or_default();
                assert!(!part.is_empty() && !sentence.is_empty(), "{}", asked.words);
                assert!(
                    asked.weight > 0 && !asked.cases.is_empty(),
                    "{}",
                    asked.words
                );
            }
        }
    }
}
