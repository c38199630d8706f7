//! Hints for the steps that a starter leaves open: `hints.md`, with a section for each step.
//!
//! A step is known by its words, so that programs with the same step share its hints.

use anyhow::{Context, ensure};

const TEXT: &str = include_str!("hints.md");
/// A question, where to look, and a sketch in words.
pub const LEVELS: usize = 3;

/// The hints for one step.
#[derive(Debug, PartialEq, Eq)]
pub struct Hints {
    /// The words of the step, without its number.
    pub step: &'static str,
    /// One text for each level, a sentence on each line, in Markdown.
    pub levels: [String; LEVELS],
}

/// The hints for all steps.
///
/// # Errors
///
/// When a section has more or fewer than three items: the error names it.
pub fn all() -> anyhow::Result<Vec<Hints>> {
    TEXT.split("\n## ").skip(1).map(section).collect()
}

/// The hints for a step, by its words. `None` when there are none.
///
/// # Errors
///
/// As for [`all`].
pub fn of(step: &str) -> anyhow::Result<Option<Hints>> {
    Ok(all()?.into_iter().find(|hints| hints.step == step))
}

fn section(text: &'static str) -> anyhow::Result<Hints> {
    let (step, rest) = text.split_once('\n').unwrap_or((text, ""));
    let mut levels: Vec<String> = Vec::new();
    for line in rest.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.split_once(". ") {
            Some((number, words)) if number.parse() == Ok(levels.len() + 1) => {
                levels.push(words.to_string());
            }
            _ => {
                let last = levels.last_mut();
                let last = last.with_context(|| format!("the hints for {step} begin with 1."))?;
                last.push('\n');
                last.push_str(line);
            }
        }
    }
    let count = levels.len();
    let levels = levels.try_into().ok();
    ensure!(
        levels.is_some(),
        "there are {count} hints for {step}, and not {LEVELS}"
    );
    Ok(Hints {
        step,
        levels: levels.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_has_its_three_hints_and_no_step_is_there_twice() {
        let all = all().unwrap();
        assert!(all.len() > 50, "{}", all.len());
        let mut steps: Vec<&str> = all.iter().map(|hints| hints.step).collect();
        steps.sort_unstable();
        steps.dedup();
        assert_eq!(steps.len(), all.len());
        let hints = of("Show the echo").unwrap().unwrap();
        assert!(hints.levels[0].ends_with('?'), "{hints:?}");
        assert!(hints.levels[2].starts_with("Decode all bytes"), "{hints:?}");
        assert_eq!(of("Show nothing").unwrap(), None);
    }

    #[test]
    fn a_section_that_lacks_a_hint_is_an_error() {
        let two = section("A step\n\n1. What?\n   And why?\n2. There.\n").unwrap_err();
        assert_eq!(two.to_string(), "there are 2 hints for A step, and not 3");
        section("A step\n\nwords\n").unwrap_err();
        let three = section("A step\n\n1. What?\n   And why?\n2. There.\n3. So.\n").unwrap();
        assert_eq!(three.levels[0], "What?\nAnd why?");
    }
}
