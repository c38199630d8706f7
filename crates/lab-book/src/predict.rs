//! Predict, then run: a question about a run, its right answer read from the run, and the wrong
//! ones with the belief behind each.

use std::env;
use std::io::{self, BufRead};
use std::path::Path;

use anyhow::{Context, anyhow, bail, ensure};
use argh::{ArgsInfo, FromArgs};
use lab_core::catalog::{Catalog, Exercise, Program};
use lab_core::process;
use lab_journal::Journal;
use labnet::{Hint, say};
use maud::{Markup, html};

use crate::answers::{Answers, OfExercise};
use crate::data::{self, Data, read};
use crate::markdown;
use crate::page::{self, made};
use crate::plan::Wanted;
use crate::question::Question;
use crate::recordings::Recordings;
use crate::runs::{self, Studio, check_networks};

/// What a program of the gallery does, in its own words: the comment that it begins with.
fn deed(catalog: &Catalog, exercise: &str, gallery: &str) -> anyhow::Result<String> {
    let file = runs::gallery(exercise, gallery);
    let deed = first_comment(&read(&catalog.root.join(&file))?);
    ensure!(!deed.is_empty(), "{file} does not say what it does");
    Ok(deed)
}

/// The comment at the top of a program, up to the line that says how it is checked.
fn first_comment(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let words = line.strip_prefix('#').or_else(|| line.strip_prefix("//"));
        words.map(str::trim)
    });
    let words = lines.map_while(|words| words.filter(|words| !words.starts_with("check:")));
    words.collect::<Vec<&str>>().join(" ").trim().to_string()
}

/// The questions of a page.
///
/// # Errors
///
/// When a program of the gallery or a run is not there.
pub fn section(
    catalog: &Catalog,
    exercise: &Exercise,
    data: &Data,
    recordings: &Recordings,
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
        let address = &recordings.trace(&wanted)?.address;
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
                    (page::trace(address, "See the run", exercise))
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

/// Asks what a run will show, then makes that run and shows the answer. Your answers are kept: next
/// time it goes on with the first question that is left.
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
    /// forget your answers about this exercise, and ask all its questions
    #[argh(switch)]
    again: bool,
    /// your own server in the place of ours: a command that listens where ours does, or python.
    /// What a question tells our server follows your command
    #[argh(option)]
    server: Option<String>,
    /// your own client in the place of ours, likewise
    #[argh(option)]
    client: Option<String>,
    /// the exercise; cargo lab list shows them
    #[argh(positional)]
    exercise: String,
}

/// All that asking needs.
struct Asking<'a> {
    catalog: &'a Catalog,
    exercise: &'a Exercise,
    studio: Studio,
    /// Whether a program of the user takes part.
    own: bool,
}

impl Predict {
    /// Asks, or checks.
    ///
    /// # Errors
    ///
    /// When a run cannot be recorded, or with `--check` answers something else; when the user's
    /// answers cannot be read or kept.
    pub fn run(self) -> anyhow::Result<()> {
        if self.check && self.again {
            return Err(anyhow!("--check asks nothing, so --again has no meaning"))
                .hint("leave out one of the two");
        }
        check_networks()?;
        process::stop_at_signals()?;
        let catalog = Catalog::read()?;
        let exercise = catalog.exercise(&self.exercise)?;
        let data = data::of(&catalog.root, &exercise.id)?;
        if data.question.is_empty() {
            return Err(anyhow!("there are no questions about {}", exercise.id))
                .hint("cargo lab book shows which exercises have some");
        }
        let runs = self.runs(&catalog, exercise, &data)?;
        // An answer about the user's own program is not one about ours.
        let own = self.server.is_some() || self.client.is_some();
        let answers = match self.check || own {
            true => None,
            false => Some(Answers::of_user()?),
        };
        let mut before = OfExercise::new();
        if let Some(answers) = &answers {
            before = answers.of(&exercise.id)?;
        }
        if self.again {
            before.clear();
        }
        let numbered = (1..).zip(data.question.iter().zip(&runs));
        let (answered, left): (Vec<_>, Vec<_>) = numbered.partition(|(_, (question, _))| {
            let answer = before.get(&question.id);
            answer.is_some_and(|answer| question.choices().contains(&answer.as_str()))
        });
        let mut right = 0;
        for (number, (question, _)) in &answered {
            right += usize::from(tell(*number, question, &before[&question.id])?);
        }
        let all = data.question.len();
        if let Some(answers) = answers.as_ref().filter(|_| !answered.is_empty()) {
            say!(
                "\n{} of {all} are answered, in {}",
                answered.len(),
                answers.file().display()
            )?;
            say!("cargo lab predict {} --again asks them again", exercise.id)?;
        }
        if left.is_empty() {
            return say!("{right} of {all} right");
        }
        let programs: Vec<&Program> = exercise.programs.iter().collect();
        let asking = Asking {
            catalog: &catalog,
            exercise,
            studio: Studio::new(&catalog, &programs)?,
            own,
        };
        if self.check {
            return asking.compare(&data.question, &runs);
        }
        if let Some(answers) = answers.as_ref().filter(|_| self.again) {
            answers.forget(&exercise.id)?;
        }
        let mut lines = io::stdin().lock().lines();
        let mut unanswered = left.len();
        for (number, (question, run)) in left {
            let Some((picked, good)) = asking.ask(number, question, run, &mut lines)? else {
                break;
            };
            if let Some(answers) = &answers {
                answers.keep(&exercise.id, &question.id, picked)?;
            }
            right += usize::from(good);
            unanswered -= 1;
        }
        match unanswered {
            0 => say!("{right} of {all} right"),
            some => say!("{right} of {all} right, {some} not answered"),
        }
    }

    /// The run of each question, with the user's program in the place of ours.
    fn runs(
        &self,
        catalog: &Catalog,
        exercise: &Exercise,
        data: &Data,
    ) -> anyhow::Result<Vec<Wanted>> {
        let here = env::current_dir().context("cannot tell the current folder")?;
        let mut runs = Vec::new();
        for question in &data.question {
            let mut plan = question.plan(&data.run);
            for (place, own) in [
                (&mut plan.server, &self.server),
                (&mut plan.client, &self.client),
            ] {
                if let Some(own) = own {
                    replace(place, own, &here, &catalog.root);
                }
            }
            runs.push((exercise.id.clone(), plan));
        }
        Ok(runs)
    }
}

/// Tells what was answered before, and whether it is right.
fn tell(number: usize, question: &Question, answer: &str) -> anyhow::Result<bool> {
    let good = answer == question.right;
    say!("\n{number}. {}", question.ask.trim())?;
    match good {
        true => say!("   You answered {answer}: right.")?,
        false => say!("   You answered {answer}. It is {}.", question.right)?,
    }
    Ok(good)
}

/// Puts the user's program in the place of ours. A program of the gallery, or another that a
/// question is about, stays. The command is started where the user is.
fn replace(place: &mut Option<String>, own: &str, here: &Path, root: &Path) {
    let ours = |program: &str| ["rust", "python"].contains(&program);
    if place.as_deref().is_some_and(|program| !ours(program)) {
        return;
    }
    let here = here.to_string_lossy();
    *place = Some(match ours(own) || *here == *root.to_string_lossy() {
        true => own.to_string(),
        false => format!("env --chdir={} {own}", shell_words::quote(&here)),
    });
}

/// What a run answers, or why it has no answer.
fn answer(question: &Question, journal: &Journal) -> String {
    let answer = question.measure.of(journal);
    answer.unwrap_or_else(|error| format!("no answer: {error:#}"))
}

impl Asking<'_> {
    /// What each run answers, next to what is right. A run that answers something else is made once
    /// more, alone.
    fn compare(&self, questions: &[Question], runs: &[Wanted]) -> anyhow::Result<()> {
        let journals = self
            .studio
            .record_all(self.catalog, &runs.iter().collect())?;
        let mut different = 0;
        for (question, run) in questions.iter().zip(runs) {
            let mut answered = answer(question, &journals[run]);
            if answered != question.right {
                answered = answer(question, &self.studio.record(self.catalog, run)?);
            }
            if answered == question.right {
                say!("{}: {answered}", question.id)?;
            } else {
                different += 1;
                say!("{}: {answered}, and not {}", question.id, question.right)?;
            }
        }
        ensure!(
            different == 0,
            "{different} of {} answers differ",
            questions.len()
        );
        Ok(())
    }

    /// Asks one question, runs, and tells what the run answered: gives the answer that was picked,
    /// and whether it is right. `None` at the end of the input.
    fn ask<'a>(
        &self,
        number: usize,
        question: &'a Question,
        run: &Wanted,
        lines: &mut impl Iterator<Item = io::Result<String>>,
    ) -> anyhow::Result<Option<(&'a str, bool)>> {
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
        let answered = answer(question, &self.studio.record(self.catalog, run)?);
        let why = question.why.trim();
        let good = picked == answered;
        if good {
            say!("   Right.")?;
        } else {
            say!("   No: it is {answered}.")?;
        }
        if answered == question.right {
            say!("   {why}")?;
        } else if self.own {
            say!(
                "   That is what your program gives. With ours it is {}: {why}",
                question.right
            )?;
        } else {
            say!("   It should be {}: {why}", question.right)?;
            say!("   Other programs may have kept this machine busy.")?;
        }
        let wrong = question.wrong.iter().find(|wrong| wrong.answer == picked);
        match wrong.map(|wrong| (&wrong.belief, &wrong.gallery)) {
            _ if good => {}
            Some((Some(belief), _)) => say!("   Your answer fits the belief that {belief}.")?,
            Some((_, Some(gallery))) => {
                let deed = deed(self.catalog, &self.exercise.id, gallery)?;
                say!(
                    "   A faulty program gives your answer, {}: {deed}",
                    runs::gallery(&self.exercise.id, gallery)
                )?;
            }
            _ => {}
        }
        Ok(Some((picked, good)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_tells_what_it_does_in_all_lines_of_its_first_comment() {
        let program = "# Takes one socket, and throws away what waits there: an answer that comes later\n\
                       # still is taken for this one's.\n\
                       # check: cmpu-guess --client \"python3 {file} {port}\"\n# fails: late x\nimport a\n";
        assert_eq!(
            first_comment(program),
            "Takes one socket, and throws away what waits there: an answer that comes later \
             still is taken for this one's."
        );
        assert_eq!(first_comment("// One.\n// check: a\n"), "One.");
        assert_eq!(first_comment("import a\n"), "");
    }

    #[test]
    fn only_a_program_of_ours_is_replaced_and_a_command_starts_where_the_user_is() {
        let (root, below) = (Path::new("/labs"), Path::new("/labs/my work"));
        let replaced = |place: Option<&str>, own: &str, here: &Path| {
            let mut place = place.map(str::to_string);
            replace(&mut place, own, here, root);
            place.unwrap()
        };
        assert_eq!(replaced(None, "python3 a.py", root), "python3 a.py");
        assert_eq!(
            replaced(Some("rust"), "python3 a.py", below),
            "env --chdir='/labs/my work' python3 a.py"
        );
        assert_eq!(replaced(None, "python", below), "python");
        assert_eq!(replaced(Some("one-recv.py"), "python", root), "one-recv.py");
    }
}
