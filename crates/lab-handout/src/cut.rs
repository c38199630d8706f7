//! What a carried library or command leaves behind: whole lines, so that what stays is what stands in the workspace.
//!
//! Three things go: what is marked as the whole workspace's, unit tests, and the registration of other exercises' checks. A line
//! that holds in a hand-out alone stands in a comment, and loses the mark.
//!
//! ```text
//! // region: workspace                   (Rust)
//! # region: workspace                    (TOML)
//! // hand-out: #![allow(…)]              (Rust)
//! ```

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};

/// Where an exercise of `cargo lab check` stands.
pub const CHECKS: &str = "crates/lab-check/src/exercises/";

/// A carried library's or command's file without what the hand-out has no use for.
///
/// # Errors
///
/// When a region is opened or closed twice: the line is named.
pub fn carried(text: &str, name: &str) -> anyhow::Result<String> {
    let comment = match name.rsplit_once('.') {
        Some((_, "rs")) => "//",
        Some((_, "toml")) => "#",
        _ => return Ok(text.to_string()),
    };
    let text = without_regions(text, comment)?;
    Ok(match comment {
        // What holds in a hand-out alone waits in a comment.
        "//" => without_tests(&text).replace("\n// hand-out: ", "\n"),
        _ => text,
    })
}

fn without_regions(text: &str, comment: &str) -> anyhow::Result<String> {
    let start = format!("{comment} region: workspace");
    let end = format!("{comment} endregion: workspace");
    let mut opened = None;
    let mut kept = Kept::default();
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        if line.trim() == start {
            ensure!(
                opened.is_none(),
                "line {number} opens a region in another one"
            );
            opened = Some(number);
        } else if line.trim() == end {
            ensure!(
                opened.is_some(),
                "line {number} closes a region that is not open"
            );
            opened = None;
            kept.cut = true;
        } else if opened.is_none() {
            kept.push(line);
        }
    }
    if let Some(number) = opened {
        anyhow::bail!("the region that line {number} opens is never closed");
    }
    Ok(kept.text)
}

/// Without `#[cfg(test)] mod tests { … }`: from its attribute to the bracket with the same indentation.
fn without_tests(text: &str) -> String {
    let mut kept = Kept::default();
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push(line);
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let mut item = vec![line];
        while let Some(attribute) = lines.next_if(|next| next.trim().starts_with("#[")) {
            item.push(attribute);
        }
        if lines.peek().is_none_or(|next| next.trim() != "mod tests {") {
            // Something else that only tests see: it stays.
            item.iter().for_each(|line| kept.push(line));
            continue;
        }
        let end = format!("{indent}}}");
        for inside in lines.by_ref() {
            if inside.trim_end() == end {
                break;
            }
        }
        kept.cut = true;
    }
    kept.end()
}

/// Lines that stay; where some went, the blank lines before and after them become one.
#[derive(Default)]
struct Kept {
    text: String,
    cut: bool,
}

impl Kept {
    fn push(&mut self, line: &str) {
        let after_blank = self.text.is_empty() || self.text.ends_with("\n\n");
        if self.cut && line.trim().is_empty() && after_blank {
            return;
        }
        self.cut = false;
        self.text.push_str(line);
    }

    /// A file ends with one line end.
    fn end(mut self) -> String {
        if self.cut {
            let end = self.text.trim_end().len();
            self.text.truncate(end);
            self.text.push('\n');
        }
        self.text
    }
}

/// The files of the checks in `crates/lab-check`, and which of them an exercise's programs need.
#[derive(Debug)]
pub struct Checks {
    /// The modules' texts by name, `mod` itself not among them.
    modules: BTreeMap<String, String>,
    /// Those that `mod.rs` registers as exercises; the others are shared.
    registered: BTreeSet<String>,
}

impl Checks {
    /// From the files in [`CHECKS`], by their names there.
    ///
    /// # Errors
    ///
    /// When there is no `mod.rs`.
    pub fn read(files: BTreeMap<String, String>) -> anyhow::Result<Self> {
        let mut modules: BTreeMap<String, String> = files
            .into_iter()
            .filter_map(|(name, text)| Some((name.strip_suffix(".rs")?.to_string(), text)))
            .collect();
        let register = modules
            .remove("mod")
            .context("the checks have no exercises/mod.rs")?;
        let registered = register.lines().filter_map(entry).map(str::to_string);
        Ok(Checks {
            registered: registered.collect(),
            modules,
        })
    }

    /// The modules that check these packages, with the shared ones that they use; empty when nothing checks them.
    pub fn of(&self, packages: &[&str]) -> BTreeSet<String> {
        let about = |text: &str| {
            packages
                .iter()
                .any(|package| text.contains(&format!("package: \"{package}\"")))
        };
        let mut needed: BTreeSet<String> = self
            .registered
            .iter()
            .filter(|name| self.modules.get(*name).is_some_and(|text| about(text)))
            .cloned()
            .collect();
        loop {
            let more: BTreeSet<String> = self
                .modules
                .keys()
                .filter(|name| !self.registered.contains(*name) && !needed.contains(*name))
                .filter(|name| {
                    needed
                        .iter()
                        .filter_map(|user| self.modules.get(user))
                        .any(|text| uses(text, name))
                })
                .cloned()
                .collect();
            if more.is_empty() {
                return needed;
            }
            needed.extend(more);
        }
    }

    /// The names under which `cargo lab check` knows what these modules judge: of `name: "…"` in each `Exercise`.
    pub fn names(&self, modules: &BTreeSet<String>) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for text in modules.iter().filter_map(|name| self.modules.get(name)) {
            for (_, after) in text
                .match_indices("Exercise = Exercise {")
                .map(|(at, start)| text.split_at(at + start.len()))
            {
                let line = after
                    .lines()
                    .map(str::trim)
                    .find_map(|line| line.strip_prefix("name: \""));
                if let Some((name, _)) = line.and_then(|rest| rest.split_once('"')) {
                    names.insert(name.to_string());
                }
            }
        }
        names
    }

    /// All modules.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        self.modules.keys()
    }

    /// `mod.rs` without the lines of modules that are not carried.
    pub fn register(text: &str, carried: &BTreeSet<String>) -> String {
        let gone = |line: &&str| {
            let module = module(line).or_else(|| entry(line));
            module.is_some_and(|module| !carried.contains(module))
        };
        text.split_inclusive('\n')
            .filter(|line| !gone(line))
            .collect()
    }
}

/// `mod dsd_sum;`
fn module(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = line.strip_prefix("pub ").unwrap_or(line);
    line.strip_prefix("mod ")?.strip_suffix(';')
}

/// `&dsd_sum::EXERCISE,`
fn entry(line: &str) -> Option<&str> {
    let (module, name) = line.trim().strip_prefix('&')?.split_once("::")?;
    name.strip_suffix(',').map(|_| module)
}

/// Whether a module's text speaks of a sibling: `use super::{Case, echo}`, `super::echo::hello`.
fn uses(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .any(|line| {
            line.match_indices(name).any(|(at, _)| {
                !line[..at].ends_with(part) && !line[at + name.len()..].starts_with(part)
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_workspaces_goes_with_its_marks_and_one_of_two_blank_lines() {
        let text = "a\n\n# region: workspace\nb\n# endregion: workspace\n\nc\n";
        assert_eq!(carried(text, "Cargo.toml").unwrap(), "a\n\nc\n");
        let text = "[\n    // region: workspace\n    1,\n    // endregion: workspace\n    2,\n]\n";
        assert_eq!(carried(text, "a.rs").unwrap(), "[\n    2,\n]\n");
        assert_eq!(carried(text, "a.txt").unwrap(), text);
    }

    #[test]
    fn regions_that_do_not_fit_are_errors_that_name_the_line() {
        let error = |text: &str| carried(text, "a.rs").unwrap_err().to_string();
        let (start, end) = ("// region: workspace\n", "// endregion: workspace\n");
        assert_eq!(error(end), "line 1 closes a region that is not open");
        assert_eq!(error(start), "the region that line 1 opens is never closed");
        assert_eq!(
            error(&format!("{start}{start}")),
            "line 2 opens a region in another one"
        );
    }

    #[test]
    fn a_line_for_hand_outs_loses_its_mark() {
        let text = "//! a\n\n// hand-out: #![allow(b)]\n\nfn c() {}\n";
        assert_eq!(
            carried(text, "a.rs").unwrap(),
            "//! a\n\n#![allow(b)]\n\nfn c() {}\n"
        );
    }

    #[test]
    fn unit_tests_go_wherever_they_stand() {
        let text = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\n";
        assert_eq!(carried(text, "a.rs").unwrap(), "fn a() {}\n");
        let text = "mod a {\n    fn a() {}\n\n    #[cfg(test)]\n    #[cfg(unix)]\n    mod tests {\n        fn b() {}\n    }\n}\n";
        assert_eq!(
            carried(text, "a.rs").unwrap(),
            "mod a {\n    fn a() {}\n\n}\n"
        );
        let text = "#[cfg(test)]\nuse a::b;\n";
        assert_eq!(carried(text, "a.rs").unwrap(), text);
    }

    const REGISTER: &str = "mod one;\npub mod common;\nmod two;\n\nstatic ALL: &[&Exercise] = &[\n    &one::EXERCISE,\n    &two::EXERCISE,\n];\n";

    fn checks() -> Checks {
        let files = [
            ("mod.rs", REGISTER),
            ("one.rs", "package: \"lab-1\"\nuse super::common;\n"),
            ("two.rs", "package: \"lab-10\"\n// common to both\n"),
            ("common.rs", "use super::deeper;\n"),
            ("deeper.rs", ""),
        ];
        let files = files.map(|(name, text)| (name.to_string(), text.to_string()));
        Checks::read(BTreeMap::from(files)).unwrap()
    }

    #[test]
    fn a_check_takes_along_what_it_uses_and_no_other_exercise() {
        let of = |package| Vec::from_iter(checks().of(&[package]));
        assert_eq!(of("lab-1"), ["common", "deeper", "one"]);
        assert_eq!(of("lab-10"), ["two"]);
        assert!(of("lab").is_empty());
    }

    #[test]
    fn the_register_keeps_the_lines_of_what_is_carried() {
        let carried = BTreeSet::from(["two".to_string()]);
        assert_eq!(
            Checks::register(REGISTER, &carried),
            "mod two;\n\nstatic ALL: &[&Exercise] = &[\n    &two::EXERCISE,\n];\n"
        );
    }
}
