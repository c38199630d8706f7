//! The hints of `cargo lab hint` on a page: each behind a click, one level inside the other.

use anyhow::ensure;
use lab_core::hints::{self, Hints};
use maud::{Markup, html};

use crate::code::Language;
use crate::markdown;
use crate::page::made;
use crate::steps::{Key, keys};

/// A step that has hints: its number and its words.
type Step = (usize, String, Hints);

/// The hints for the steps of a program in Rust. Nothing where it has none. What a hint says of the
/// program's README is here on `page`: "this page" where the hints are on it.
///
/// # Errors
///
/// When the hints cannot be read.
pub fn of(rust: &str, page: &str) -> anyhow::Result<Markup> {
    Ok(shown(&found(rust, |_| true)?, page))
}

fn found(rust: &str, wanted: impl Fn(usize) -> bool) -> anyhow::Result<Vec<Step>> {
    let mut steps = Vec::new();
    for (_, key) in keys(rust, Language::Rust) {
        if let Key::Step(number, words) = key
            && wanted(number)
            && let Some(hints) = hints::of(&words)?
        {
            steps.push((number, words, hints));
        }
    }
    steps.sort_by_key(|(number, ..)| *number);
    Ok(steps)
}

fn shown(steps: &[Step], page: &str) -> Markup {
    let text = |level: &str| text(level, page);
    html! {
        @if !steps.is_empty() {
            details {
                summary { "Hints for writing it yourself" }
                @for (number, words, hints) in steps {
                    details {
                        summary { "Step " (number) ": " (words) }
                        (text(&hints.levels[0]))
                        details {
                            summary { "Where to look" }
                            (text(&hints.levels[1]))
                            details { summary { "A sketch" } (text(&hints.levels[2])) }
                        }
                    }
                }
            }
        }
    }
}

/// The same for a block of a chapter, where hints must not be missing.
///
/// # Errors
///
/// When a step has none.
pub fn must(rust: &str, first: usize, last: usize) -> anyhow::Result<Markup> {
    let steps = found(rust, |number| (first..=last).contains(&number))?;
    let count = steps.len();
    ensure!(
        count == last + 1 - first,
        "{count} of the steps {first} to {last} have hints"
    );
    Ok(shown(&steps, "the exercise's page"))
}

fn text(level: &str, page: &str) -> Markup {
    let words = on_page(&level.replace('\n', " "), page);
    html! { p { (made(&markdown::inline(&words))) } }
}

/// A hint in the words of the site, where a README is a part of a page.
fn on_page(hint: &str, page: &str) -> String {
    let mut letters = page.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    let page_first: String = first.into_iter().chain(letters).collect();
    hint.replace("The README: ", &format!("On {page}: "))
        .replace("The README", &page_first)
        .replace("the README", page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readme_is_a_page_of_the_site() {
        let hint = "The README: “A limit.” The README says when. See the README.";
        assert_eq!(
            on_page(hint, "this page"),
            "On this page: “A limit.” This page says when. See this page."
        );
        let hint = on_page("The README has it.", "the exercise's page");
        assert_eq!(hint, "The exercise's page has it.");
    }

    #[test]
    fn each_level_is_inside_the_one_before() {
        let rust = "fn main() {\n    // 2. Show the echo\n    // 1. Send the message\n    // 3. Nothing\n}\n";
        let part = of(rust, "this page").unwrap().0;
        assert!(part.contains("Step 1: Send the message"), "{part}");
        assert!(part.find("Step 1").unwrap() < part.find("Step 2").unwrap());
        assert!(!part.contains("Step 3"), "{part}");
        assert_eq!(part.matches("<summary>A sketch</summary>").count(), 2);
        assert!(must(rust, 1, 2).is_ok());
        assert!(must(rust, 1, 3).is_err());
        assert_eq!(of("fn main() {}\n", "this page").unwrap().0, "");
    }
}
