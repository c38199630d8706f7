//! The exercises of `cargo lab check`, and which of them judge an exercise's programs.

use std::collections::{BTreeMap, BTreeSet};

/// The folder with a file for each exercise, and in its folder
/// `sheets` one of the same name for what the sheet asks.
pub const FOLDER: &str = "crates/lab-check/src/exercises/";
/// The one file there that is not an exercise.
const REGISTER: &str = "mod.rs";

/// The files in [`FOLDER`].
#[derive(Debug)]
pub struct Checks {
    /// Their texts, by their paths.
    files: BTreeMap<String, String>,
}

impl Checks {
    /// Whether a file is an exercise of the check.
    pub fn is_one(path: &str) -> bool {
        let name = path.strip_prefix(FOLDER);
        name.is_some_and(|name| name.ends_with(".rs") && name != REGISTER)
    }

    /// From the files for which [`Checks::is_one`] holds, by their paths.
    pub fn new(files: BTreeMap<String, String>) -> Self {
        Checks { files }
    }

    /// The paths of the files that judge these packages; empty when nothing does.
    pub fn of(&self, packages: &[&str]) -> BTreeSet<String> {
        let about = |text: &str| {
            let mut packages = packages.iter();
            packages.any(|package| text.contains(&format!("package: \"{package}\"")))
        };
        let files = self.files.iter();
        let judging = files.filter(|(_, text)| about(text));
        let with_sheet = judging.flat_map(|(path, _)| {
            let sheet = path.replacen(FOLDER, &format!("{FOLDER}sheets/"), 1);
            [
                Some(path.clone()),
                self.files.contains_key(&sheet).then_some(sheet),
            ]
        });
        with_sheet.flatten().collect()
    }

    /// The names under which `cargo lab check` knows what
    /// these files judge: `name: "…"` in each `Exercise`.
    pub fn names(&self, paths: &BTreeSet<String>) -> BTreeSet<String> {
        let texts = paths.iter().filter_map(|path| self.files.get(path));
        let name = |text: &String| {
            let (_, exercise) = text.split_once("Exercise = Exercise {")?;
            let mut lines = exercise.lines().map(str::trim);
            let rest = lines.find_map(|line| line.strip_prefix("name: \""))?;
            Some(rest.split_once('"')?.0.to_string())
        };
        texts.filter_map(name).collect()
    }
}

/// A case of the check, as the README of a hand-out tells it.
#[derive(Debug, PartialEq, Eq)]
pub struct Case {
    /// Which side it is played with: `server`, `client`, `program`.
    pub side: &'static str,
    /// Its name, for `--only`.
    pub id: &'static str,
    /// What is so when it passes, without its subject.
    pub name: &'static str,
    /// What of the sheet it shows, as `exercise 4: a sentence`; empty where it shows none.
    pub asked: &'static str,
}

/// The cases of these checks, from `cases.txt`. A test compares
/// that file with the check itself, and `LAB_UPDATE=1` writes it.
pub fn cases(checks: &BTreeSet<String>) -> Vec<Case> {
    let lines = include_str!("cases.txt").lines();
    let case = |line: &'static str| {
        let mut cells = line.split(" | ").map(str::trim);
        let mut next = || cells.next().unwrap_or_default();
        let check = next();
        let [side, id, name, asked] = std::array::from_fn(|_| next());
        let case = Case {
            side,
            id,
            name,
            asked,
        };
        checks.contains(check).then_some(case)
    };
    lines.filter_map(case).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks() -> Checks {
        let file = |name: &str, package: &str| {
            let text = format!(
                "pub static EXERCISE: Exercise = Exercise {{\n    name: \"the-{name}\",\n    package: \"{package}\",\n"
            );
            (format!("{FOLDER}{name}.rs"), text)
        };
        let sheet = (format!("{FOLDER}sheets/ten.rs"), "its sheet".to_string());
        Checks::new(BTreeMap::from([
            file("one", "lab-1"),
            file("ten", "lab-10"),
            sheet,
        ]))
    }

    #[test]
    fn a_check_is_found_by_the_package_it_judges() {
        let of = |package| Vec::from_iter(checks().of(&[package]));
        assert_eq!(of("lab-1"), [format!("{FOLDER}one.rs")]);
        let ten = ["sheets/ten.rs", "ten.rs"].map(|file| format!("{FOLDER}{file}"));
        assert_eq!(of("lab-10"), ten);
        assert!(of("lab").is_empty());
    }

    #[test]
    fn the_cases_of_a_check_are_found_with_what_the_sheet_asks() {
        let cases = cases(&BTreeSet::from(["dsd-sum".to_string()]));
        assert_eq!((cases[0].side, cases[0].id), ("server", "whole"));
        assert!(cases[0].asked.starts_with("exercise 4: "), "{cases:?}");
        assert!(cases.iter().any(|case| case.asked.is_empty()));
    }

    #[test]
    fn a_check_has_the_name_of_its_exercise() {
        let checks = checks();
        let both = checks.of(&["lab-1", "lab-10"]);
        assert_eq!(Vec::from_iter(checks.names(&both)), ["the-one", "the-ten"]);
    }

    #[test]
    fn the_list_of_the_exercises_is_not_one() {
        assert!(Checks::is_one(&format!("{FOLDER}one.rs")));
        assert!(!Checks::is_one(&format!("{FOLDER}mod.rs")));
        assert!(!Checks::is_one("crates/lab-check/src/main.rs"));
    }
}
