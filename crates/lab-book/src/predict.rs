//! Predict, then run: a question about a run, its right answer read from the run, and the wrong
//! ones with the belief behind each.

use std::io::{self, BufRead};

use anyhow::{Context, anyhow, bail, ensure};
use argh::{ArgsInfo, FromArgs};
use lab_core::catalog::{Catalog, Exercise, Program};
use lab_core::process;
use lab_journal::Journal;
use labnet::{Hint, say};
use maud::{Markup, html};

use crate::data::{self, Data, read};
use crate::markdown;
use crate::page::made;
use crate::question::{Question, Wanted};
use crate::runs::{self, Plan, Studio};

/// What a program of the gallery does, in its own words.
fn deed(catalog: &Catalog, exercise: &str, gallery: &str) -> anyhow::Result<String> {
    let text = read(&catalog.root.join(runs::gallery(exercise, gallery)))?;
    let first = text.lines().next().unwrap_or("");
    Ok(first.trim_start_matches(['#', '/', ' ']).to_string())
}

/// The questions of a page. `trace` gives the address of the trace of a run.
///
/// # Errors
///
/// When a program of the gallery is not there.
pub fn section(
    catalog: &Catalog,
    exercise: &Exercise,
    data: &Data,
    trace: impl Fn(&Wanted) -> String,
) -> anyhow::Result<Markup> {
    let mut parts = Vec::new();
    for question in &data.question {
        let wanted = (exercise.id.clone(), question.plan(&data.run));
        let mut beliefs = Vec::new();
        for wrong in &question.wrong {
            let words = match (&wrong.belief, &wrong.gallery) {
                (Some(belief), _) => format!("fits the belief that {belief}."),
                (None, Some(gallery)) => {
                    let deed = deed(catalog, &exercise.id, gallery)?;
                    format!("is what a faulty program gives, `{gallery}`: {deed}")
                }
                (None, None) => bail!("a wrong answer without a belief"),
            };
            beliefs.push((&wrong.answer, words));
        }
        let name = format!("predict-{}", question.id);
        let address = trace(&wanted);
        parts.push(html! {
            fieldset.ask id=(name) data-right=(question.right) {
                legend { (made(&markdown::inline(&question.ask))) }
                @for choice in question.choices() {
                    label {
                        input type="radio" name=(name) value=(choice);
                        span { code { (choice) } }
                    }
                }
                details.answer {
                    summary { "Answer" }
                    p { strong { code { (question.right) } } ": " (made(&markdown::inline(&question.why))) }
                    ul {
                        @for (answer, words) in &beliefs {
                            li { code { (answer) } " " (made(&markdown::inline(words))) }
                        }
                    }
                    details.trace data-trace=(address) {
                        summary { "See the run" }
                        p { a href=(address) { "Open the run on its own page" } }
                    }
                }
            }
        });
    }
    Ok(html! {
        section #predict aria-labelledby="predict-title" {
            h2 #predict-title { "Predict" }
            p.hint.tally {
                "Choose an answer before you look at the programs. The right one was read from a run when this book was built. "
                "In a terminal: " code { "cargo lab predict " (exercise.id) } "."
            }
            div.asks { @for part in &parts { (part) } }
        }
    })
}

/// Asks what a run will show, then makes that run and shows the answer.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "predict",
    help_triggers("-h", "--help"),
    example = "cargo lab predict dsd-eof",
    example = "cargo lab predict dsd-eof --check",
    example = "cargo lab predict dsd-eof --check --server \"python3 my_server.py\""
)]
pub struct Predict {
    /// ask nothing: make each run, and compare its answer with what the question calls right
    #[argh(switch)]
    check: bool,
    /// your own server instead of ours: a command, or python
    #[argh(option)]
    server: Option<String>,
    /// your own client instead of ours: a command, or python
    #[argh(option)]
    client: Option<String>,
    /// the exercise; cargo lab list shows them
    #[argh(positional)]
    exercise: String,
}

impl Predict {
    /// Asks, or checks.
    ///
    /// # Errors
    ///
    /// When a run cannot be recorded, or with `--check` answers something else.
    pub fn run(self) -> anyhow::Result<()> {
        process::stop_at_signals()?;
        let catalog = Catalog::read()?;
        let exercise = catalog.exercise(&self.exercise)?;
        let data = data::of(&catalog.root, &exercise.id)?;
        if data.question.is_empty() {
            return Err(anyhow!("there are no questions about {}", exercise.id))
                .hint("cargo lab book shows which exercises have some");
        }
        let programs: Vec<&Program> = exercise.programs.iter().collect();
        let studio = Studio::new(&catalog, &programs)?;
        let mut plans = Vec::new();
        for question in &data.question {
            let mut plan = question.plan(&data.run);
            if let Some(server) = &self.server {
                plan.server = Some(server.clone());
            }
            if let Some(client) = &self.client {
                plan.client = Some(client.clone());
            }
            plans.push(plan);
        }
        let wanted: Vec<(&str, &Plan)> = plans
            .iter()
            .map(|plan| (exercise.id.as_str(), plan))
            .collect();
        let journals = studio.record_all(&catalog, &wanted)?;
        if self.check {
            return compare(&data.question, &journals);
        }
        let mut lines = io::stdin().lock().lines();
        let mut right = 0;
        for (number, (question, journal)) in (1..).zip(data.question.iter().zip(&journals)) {
            let Some(good) = ask(&catalog, exercise, number, question, journal, &mut lines)? else {
                break;
            };
            right += usize::from(good);
        }
        say!("{right} of {} right", data.question.len())
    }
}

/// What each run answers, next to what is right.
fn compare(questions: &[Question], journals: &[Journal]) -> anyhow::Result<()> {
    let mut different = 0;
    for (question, journal) in questions.iter().zip(journals) {
        let answer = question.measure.of(journal);
        let answer = answer.unwrap_or_else(|error| format!("no answer: {error}"));
        if answer == question.right {
            say!("{}: {answer}", question.id)?;
        } else {
            different += 1;
            say!("{}: {answer}, and not {}", question.id, question.right)?;
        }
    }
    ensure!(
        different == 0,
        "{different} of {} answers differ",
        questions.len()
    );
    Ok(())
}

/// Asks one question, and tells what the run answered. `None` at the end of the input.
fn ask(
    catalog: &Catalog,
    exercise: &Exercise,
    number: usize,
    question: &Question,
    journal: &Journal,
    lines: &mut impl Iterator<Item = io::Result<String>>,
) -> anyhow::Result<Option<bool>> {
    let answer = question.measure.of(journal)?;
    say!("\n{number}. {}", question.ask.trim())?;
    let choices = question.choices();
    for (letter, choice) in ('a'..).zip(&choices) {
        say!("   {letter}) {choice}")?;
    }
    let last = ('a'..).nth(choices.len() - 1).unwrap_or('a');
    let picked = loop {
        say!("   a to {last}?")?;
        let Some(line) = lines.next() else {
            return Ok(None);
        };
        let line = line.context("cannot read your answer")?;
        let letter = line.trim().to_lowercase();
        let place = ('a'..=last).position(|one| letter == one.to_string());
        if let Some(place) = place {
            break choices[place];
        }
    };
    let good = picked == answer;
    if good {
        say!("   Right. {}", question.why.trim())?;
    } else {
        say!("   No: it is {answer}. {}", question.why.trim())?;
        let wrong = question.wrong.iter().find(|wrong| wrong.answer == picked);
        match wrong.map(|wrong| (&wrong.belief, &wrong.gallery)) {
            Some((Some(belief), _)) => say!("   Your answer fits the belief that {belief}.")?,
            Some((_, Some(gallery))) => {
                let deed = deed(catalog, &exercise.id, gallery)?;
                say!(
                    "   A faulty program gives your answer, {}: {deed}",
                    runs::gallery(&exercise.id, gallery)
                )?;
            }
            _ => {}
        }
    }
    Ok(Some(good))
}
