//! A question about a run: its right answer is compared with the run, and a wrong one with the run
//! of the gallery's program that gives it.

use anyhow::{Context, anyhow, ensure};
use lab_core::catalog::Exercise;
use lab_journal::Journal;
use labnet::Hint;
use serde::Deserialize;

use crate::measure::Measure;
use crate::plan::{Plan, Wanted};

/// A question about a run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Question {
    /// Its name among those of its exercise.
    pub id: String,
    /// What is asked, in Markdown.
    pub ask: String,
    /// How the run is made; without it, it is the run of the exercise's page.
    pub run: Option<Plan>,
    /// What the run answers.
    pub measure: Measure,
    /// What it is to answer. The book is not built when the run says something else.
    pub right: String,
    /// Why that is right.
    pub why: String,
    /// What others believe.
    pub wrong: Vec<Wrong>,
}

/// A wrong answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Wrong {
    /// The answer.
    pub answer: String,
    /// What one has to believe for it.
    pub belief: Option<String>,
    /// The program of the gallery that answers so, in the place of ours. Its first line says what
    /// it does.
    pub gallery: Option<String>,
    /// More words for that program; without them, the port of the exercise.
    #[serde(default)]
    pub args: Vec<String>,
}

impl Question {
    /// The run that answers.
    pub fn plan(&self, of_page: &Plan) -> Plan {
        self.run.clone().unwrap_or_else(|| of_page.clone())
    }

    /// All runs that are needed to check the question, the one that answers first.
    pub fn runs(&self, exercise: &Exercise, of_page: &Plan) -> Vec<Wanted> {
        let plan = self.plan(of_page);
        let mut wanted = vec![(exercise.id.clone(), plan.clone())];
        for wrong in &self.wrong {
            if let Some(gallery) = &wrong.gallery {
                wanted.push((exercise.id.clone(), replaced(&plan, gallery, &wrong.args)));
            }
        }
        wanted
    }

    /// Checks what needs no run.
    ///
    /// # Errors
    ///
    /// When a wrong answer is the right one, or it is not told whose it is.
    pub fn sound(&self) -> anyhow::Result<()> {
        for wrong in &self.wrong {
            ensure!(
                wrong.answer != self.right,
                "the question {}: `{}` is right and wrong",
                self.id,
                self.right
            );
            ensure!(
                wrong.belief.is_some() != wrong.gallery.is_some(),
                "the question {}: a wrong answer has a belief or a program of the gallery",
                self.id
            );
        }
        Ok(())
    }

    /// Checks the answers against the runs, which are those of [`Question::runs`].
    ///
    /// # Errors
    ///
    /// When a run answers something other than what the question says.
    pub fn check(&self, journals: &[&Journal]) -> anyhow::Result<()> {
        let name = || format!("the question {}", self.id);
        let mut journals = journals.iter();
        let run = journals.next().context("a run was not recorded")?;
        let answer = self.measure.of(run).with_context(name)?;
        if answer != self.right {
            return Err(anyhow!(
                "{}: the run answers `{answer}`, not `{}`",
                name(),
                self.right
            ))
            .hint("a program has changed, or the question was never right");
        }
        for wrong in &self.wrong {
            if let Some(gallery) = &wrong.gallery {
                let run = journals.next().context("a run was not recorded")?;
                let answer = self.measure.of(run).with_context(name)?;
                ensure!(
                    wrong.answer == answer,
                    "{}: {gallery} answers `{answer}`, not `{}`",
                    name(),
                    wrong.answer
                );
            }
        }
        Ok(())
    }

    /// The answers in an order that gives nothing away: numbers by their size, words by the
    /// alphabet.
    pub fn choices(&self) -> Vec<&str> {
        let wrong = self.wrong.iter().map(|wrong| wrong.answer.as_str());
        let mut choices: Vec<&str> = wrong.chain([self.right.as_str()]).collect();
        choices.sort_by_cached_key(|choice| (numbers(choice), *choice));
        choices
    }
}

/// The numbers of an answer such as `4, 4, 0`; words come after all numbers.
fn numbers(choice: &str) -> Vec<u64> {
    let numbers: Result<Vec<u64>, _> = choice.split(", ").map(str::parse).collect();
    numbers.unwrap_or_else(|_| vec![u64::MAX])
}

/// The same run with a program of the gallery in the place of ours.
fn replaced(plan: &Plan, gallery: &str, args: &[String]) -> Plan {
    let mut plan = plan.clone();
    if gallery.starts_with("client-") {
        plan.client = Some(gallery.to_string());
        plan.client_args = args.to_vec();
    } else {
        plan.server = Some(gallery.to_string());
        plan.server_args = args.to_vec();
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_their_order_and_before_words() {
        let mut choices = ["none", "36, 0", "9, 0", "accept", "9", "4, 4, 0"];
        choices.sort_by_cached_key(|choice| (numbers(choice), *choice));
        assert_eq!(choices, ["4, 4, 0", "9", "9, 0", "36, 0", "accept", "none"]);
    }
}
