//! What the author of a program reads after grading:
//! the score, what to fix first, and each mistake once.

use super::check_again;
use super::human::{hanging, labeled, output, wrapped};
use super::quote::compare;
use crate::misconceptions::Misconception;
use crate::sheet::Question;
use crate::verdict::{CaseReport, Failure, Outcome, Report};

/// The most lines of it.
const MOST_LINES: usize = 60;
/// How wide it is set, in characters.
const WIDTH: usize = 92;
/// The most lines of evidence of the first mistake.
const MOST_EVIDENCE: usize = 14;

/// A mistake with all cases that show it.
struct Mistake<'r> {
    misconception: &'static Misconception,
    cases: Vec<(&'r CaseReport, &'r Failure)>,
}

/// The whole text, without a path of the machine on which the program was checked.
pub fn text(report: &Report) -> String {
    let mut lines = head(report);
    let mistakes = mistakes(report);
    if let Some((first, others)) = mistakes.split_first() {
        let mut told: Vec<Vec<String>> = vec![first_of_all(report, first)];
        // Every mistake has its line; the explanation comes with it as long as there is room.
        let mut left = MOST_LINES.saturating_sub(lines.len() + told[0].len() + 3);
        let mut later = others.len();
        for mistake in others {
            later -= 1;
            let long = explained(report, mistake);
            let short = brief(report, mistake);
            let chosen = if long.len() + 2 * later <= left {
                long
            } else {
                short
            };
            left = left.saturating_sub(chosen.len());
            told.push(chosen);
        }
        lines.extend(told.into_iter().flatten());
    }
    let not_shown = not_shown(report);
    if lines.len() + not_shown.len() <= MOST_LINES {
        lines.extend(not_shown);
    }
    lines.truncate(MOST_LINES);
    let text = format!("{}\n", lines.join("\n").trim_end());
    without_folder(report, &text)
}

/// The name, the score, and both questions.
fn head(report: &Report) -> Vec<String> {
    let mut lines = vec![title(report)];
    let (score, questions) = score(report);
    if report.trouble.is_some() {
        lines.extend(paragraph(&score));
        return lines;
    }
    lines.push(score);
    lines.push(String::new());
    lines.extend(questions);
    for remark in &report.remarks {
        lines.extend(set("Note: ", remark));
    }
    lines.push(String::new());
    lines
}

/// The exercise, and whose program it is.
pub(super) fn title(report: &Report) -> String {
    let name = report.student.as_deref().unwrap_or("your program");
    format!("{}: {name}", report.exercise)
}

/// The score, and each question with its cases; or why there is no score.
pub(super) fn score(report: &Report) -> (String, Vec<String>) {
    if let Some(trouble) = &report.trouble {
        let why = format!("There is no score: the check did not come to its end ({trouble}).");
        return (why, Vec::new());
    }
    let (earned, all) = report.score();
    let score = match (report.points, report.in_points(earned)) {
        (Some(of), Some(points)) => format!("Score: {points:.2} of {of}"),
        _ => format!("Score: {earned} of {all}"),
    };
    let counted = Question::ALL.map(|question| (question, report.counts_of(question)));
    let counted = counted.into_iter().filter(|(_, counts)| counts.total() > 0);
    let questions = counted.map(|(question, counts)| {
        let (words, passed, all) = (question.words(), counts.passed, counts.total());
        format!("{words} {passed} of {all} cases passed.")
    });
    (score, questions.collect())
}

/// The mistakes in the order in which to fix them: first those
/// that keep the program from doing what the sheet asks.
fn mistakes(report: &Report) -> Vec<Mistake<'_>> {
    let mut found: Vec<Mistake<'_>> = Vec::new();
    for question in Question::ALL {
        for case in report.answering(question) {
            let Outcome::Failed(failure) = &case.outcome else {
                continue;
            };
            let mut known = found.iter_mut();
            match known.find(|one| one.misconception.id == failure.misconception.id) {
                Some(mistake) => mistake.cases.push((case, failure)),
                None => found.push(Mistake {
                    misconception: failure.misconception,
                    cases: vec![(case, failure)],
                }),
            }
        }
    }
    found
}

/// The first mistake, with what was seen and how to try it.
fn first_of_all(report: &Report, mistake: &Mistake<'_>) -> Vec<String> {
    let Some((case, failure)) = mistake.cases.first() else {
        return Vec::new();
    };
    let title = mistake.misconception.title;
    let mut lines = match case.question() {
        Question::Sheet => paragraph(&format!("Fix this first: {title}.")),
        Question::Network => paragraph(&format!(
            "The sheet is done. Here is where a real network breaks it first: {title}."
        )),
        Question::Tests => paragraph(&format!("All other cases pass. What is left: {title}.")),
    };
    lines.push(String::new());
    lines.extend(indented(mistake.misconception.text));
    lines.extend(indented(&seen(report, mistake)));
    if let Some(asked) = case.asked {
        lines.extend(indented(&format!("The sheet, {}.", asked.words)));
    }
    let mut evidence = String::new();
    if let Some(diff) = &failure.diff {
        let compared = compare(diff);
        evidence.push_str(&labeled("expected", &compared.expected));
        evidence.push_str(&labeled("received", &compared.received));
        evidence.push_str(&labeled(
            "",
            &format!("{} {}", compared.caret, compared.place),
        ));
    }
    for program in &case.programs {
        evidence.push_str(&output(program, None));
    }
    lines.extend(evidence.lines().take(MOST_EVIDENCE).map(str::to_string));
    lines.push(String::new());
    lines.push("  Try it alone:".to_string());
    lines.push(format!("  {}", again(report, case)));
    lines.push(String::new());
    lines
}

/// The command that plays a case, as its author types it: in the program's own folder.
pub(super) fn again(report: &Report, case: &CaseReport) -> String {
    let command = report.side(case).map_or("", |side| side.command.as_str());
    let command = command.replace("{dir}/", "").replace("{dir}", ".");
    check_again(report, case, "", &command, "")
}

/// Another mistake with its explanation.
fn explained(report: &Report, mistake: &Mistake<'_>) -> Vec<String> {
    let mut lines = brief(report, mistake);
    lines.extend(indented(&seen(report, mistake)));
    lines.extend(indented(mistake.misconception.text));
    lines.push(String::new());
    lines
}

/// Another mistake in a line, with its cases.
fn brief(report: &Report, mistake: &Mistake<'_>) -> Vec<String> {
    let names: Vec<String> = mistake
        .cases
        .iter()
        .map(|(case, _)| report.full_name(case))
        .collect();
    let network = mistake
        .cases
        .iter()
        .all(|(case, _)| case.question() == Question::Network);
    let breaks = if network { "On a real network: " } else { "" };
    set(
        "- ",
        &format!(
            "{breaks}{} ({})",
            mistake.misconception.title,
            names.join(", ")
        ),
    )
}

/// What was seen of a mistake, and in which cases.
fn seen(report: &Report, mistake: &Mistake<'_>) -> String {
    let Some((case, failure)) = mistake.cases.first() else {
        return String::new();
    };
    let others: Vec<String> = mistake.cases[1..]
        .iter()
        .map(|(case, _)| report.full_name(case))
        .collect();
    let also = match others.len() {
        0 => String::new(),
        _ => format!(" The same mistake shows in {}.", others.join(", ")),
    };
    format!(
        "Seen in {}: {}{also}",
        report.full_name(case),
        failure.summary
    )
}

/// The cases of which nothing is known yet.
fn not_shown(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let named = |skipped: bool| -> Vec<String> {
        let cases = report.cases.iter().filter(|case| match case.outcome {
            Outcome::Skipped(_) => skipped && case.applies,
            Outcome::Undecided(_) => !skipped,
            _ => false,
        });
        cases.map(|case| report.full_name(case)).collect()
    };
    for (names, label) in [
        (named(true), "Not tried before that is fixed: "),
        (named(false), "Could not be decided: "),
    ] {
        if !names.is_empty() {
            lines.extend(set(label, &names.join(", ")));
        }
    }
    lines
}

/// The text without the folder in which the program ran.
pub(super) fn without_folder(report: &Report, text: &str) -> String {
    match &report.folder {
        Some(folder) => super::without_folder(folder, text),
        None => text.to_string(),
    }
}

fn paragraph(text: &str) -> Vec<String> {
    wrapped(text, WIDTH)
}

fn indented(text: &str) -> Vec<String> {
    hanging("", text, 2).lines().map(str::to_string).collect()
}

fn set(label: &str, text: &str) -> Vec<String> {
    hanging(label, text, 0)
        .lines()
        .map(str::to_string)
        .collect()
}
