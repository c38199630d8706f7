//! The result for machines in our own schema, and the words that all forms for machines share.

use serde_json::{Value, json};

use super::human::{again, conversation, output, readme};
use super::quote::{compare, quoted};
use crate::sheet::Question;
use crate::verdict::{CaseReport, Counts, Diff, Excerpt, Outcome, Report};

/// The name of the inner schema.
const SCHEMA: &str = "lab-check/1";

fn outcome(case: &CaseReport) -> &'static str {
    match case.outcome {
        Outcome::Passed => "passed",
        Outcome::Failed(_) => "failed",
        Outcome::Skipped(_) => "skipped",
        Outcome::Undecided(_) => "undecided",
    }
}

/// Why a case did not pass, in a sentence.
pub(super) fn message(case: &CaseReport) -> String {
    match &case.outcome {
        Outcome::Passed => String::new(),
        Outcome::Failed(failure) => failure.summary.clone(),
        Outcome::Skipped(why) | Outcome::Undecided(why) => why.clone(),
    }
}

/// Which question a case answers: what the sheet says of it, or the second question.
pub(super) fn asked(case: &CaseReport) -> String {
    match case.asked {
        Some(asked) => format!("The sheet, {}.", asked.words),
        None => case.question().words().to_string(),
    }
}

/// All that a student gets to see of a case: which question it answers, what came of it, and why.
pub(super) fn details(report: &Report, case: &CaseReport) -> String {
    format!("{}\n\n{}", asked(case), evidence(report, case))
        .trim()
        .to_string()
}

/// What came of a case that did not pass: what was seen, and why.
fn evidence(report: &Report, case: &CaseReport) -> String {
    let Outcome::Failed(failure) = &case.outcome else {
        return message(case);
    };
    let mut text = format!(
        "{}\n\n{}: {}\n\n",
        failure.summary, failure.misconception.title, failure.misconception.text
    );
    if let Some(diff) = &failure.diff {
        text.push_str(&differing(diff));
    }
    text.push_str(&seen(case));
    text.push_str(&format!(
        "read {}\nagain: {}\n",
        readme(report, case),
        again(report, case)
    ));
    text
}

/// Both texts, and where they differ.
pub(super) fn differing(diff: &Diff) -> String {
    let compared = compare(diff);
    format!(
        "expected  {}\nreceived  {}\n          {} {}\n",
        compared.expected, compared.received, compared.caret, compared.place
    )
}

/// What passed on the wire, and what the programs printed.
pub(super) fn seen(case: &CaseReport) -> String {
    let mut text = conversation(&case.events);
    let several = case.programs.len() > 1;
    for (number, program) in (1..).zip(&case.programs) {
        text.push_str(&output(program, several.then_some(number)));
    }
    text
}

/// Our own schema.
///
/// # Errors
///
/// When serde_json fails.
pub fn json(report: &Report) -> anyhow::Result<String> {
    let cases: Vec<Value> = report.cases.iter().map(|case| one(report, case)).collect();
    let sides: Vec<Value> = report
        .sides
        .iter()
        .map(|side| json!({"role": side.role, "command": side.command, "readme": side.readme}))
        .collect();
    let (score, max_score) = report.score();
    let value = json!({
        "schema": SCHEMA,
        "exercise": report.exercise,
        "sides": sides,
        "folder": report.folder,
        "seed": report.seed,
        "seconds": report.elapsed.as_secs_f64(),
        "exit_code": report.exit_code(),
        "trouble": report.trouble,
        "remarks": report.remarks,
        "strict": report.strict,
        "points": report.points,
        "score": score,
        "max_score": max_score,
        "counts": counted(report.counts()),
        "questions": questions(report),
        "cases": cases,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&value)?))
}

fn counted(counts: Counts) -> Value {
    json!({
        "passed": counts.passed,
        "failed": counts.failed,
        "skipped": counts.skipped,
        "undecided": counts.undecided,
    })
}

/// The questions: the points and the cases of each.
pub(super) fn questions(report: &Report) -> Value {
    let answers = questions_of(report).map(|question| {
        let (score, max_score) = report.score_of(question);
        let answer = json!({
            "question": question.words(),
            "score": score,
            "max_score": max_score,
            "counts": counted(report.counts_of(question)),
        });
        (question.name().to_string(), answer)
    });
    Value::Object(answers.collect())
}

/// The questions of a report. The third one is a hand-out's.
fn questions_of(report: &Report) -> impl Iterator<Item = Question> {
    let tests = report.counts_of(Question::Tests).total() > 0;
    let all = Question::ALL.into_iter();
    all.filter(move |question| tests || *question != Question::Tests)
}

/// A question and its points, in a line: for formats that have no place of their own for it.
pub(super) fn scores(report: &Report) -> Vec<String> {
    let lines = questions_of(report).map(|question| {
        let (earned, all) = report.score_of(question);
        let counts = report.counts_of(question);
        format!(
            "{} {earned} of {all} points, {} of {} cases passed.",
            question.words(),
            counts.passed,
            counts.total()
        )
    });
    lines.collect()
}

fn one(report: &Report, case: &CaseReport) -> Value {
    let mut value = json!({
        "role": case.role,
        "id": case.id,
        "name": case.name,
        "question": case.question().name(),
        "sheet": case.asked.map(|asked| asked.words),
        "outcome": outcome(case),
        "score": report.earned(case),
        "max_score": report.weight(case),
        "seconds": case.elapsed.as_secs_f64(),
        "notes": case.notes,
    });
    let Value::Object(object) = &mut value else {
        return value;
    };
    match &case.outcome {
        Outcome::Passed => {}
        Outcome::Failed(failure) => {
            object.insert("misconception".into(), failure.misconception.id.into());
            object.insert("title".into(), failure.misconception.title.into());
            object.insert("explanation".into(), failure.misconception.text.into());
            object.insert("summary".into(), failure.summary.clone().into());
            object.insert("again".into(), again(report, case).into());
            if let Some(diff) = &failure.diff {
                object.insert(
                    "contrast".into(),
                    json!({
                        "parting": diff.parting(),
                        "expected": bytes(&Excerpt::of(&diff.expected)),
                        "received": bytes(&Excerpt::of(&diff.received)),
                    }),
                );
            }
            let lines: Vec<String> = conversation(&case.events)
                .lines()
                .map(|line| line.trim().to_string())
                .collect();
            object.insert("conversation".into(), lines.into());
            let programs: Vec<Value> = case
                .programs
                .iter()
                .map(|program| {
                    json!({
                        "ended": program.ended,
                        "stdout": bytes(&program.stdout),
                        "stderr": bytes(&program.stderr),
                    })
                })
                .collect();
            object.insert("programs".into(), programs.into());
        }
        Outcome::Skipped(why) | Outcome::Undecided(why) => {
            object.insert("why".into(), why.clone().into());
        }
    }
    value
}

/// Bytes in a JSON text: quoted as for a person, and how many there were, so that a cut shows.
fn bytes(excerpt: &Excerpt) -> Value {
    json!({
        "bytes": excerpt.total,
        "head": quoted(&excerpt.head),
        "tail": (!excerpt.tail.is_empty()).then(|| quoted(&excerpt.tail)),
    })
}

/// What the reader has to know besides the verdicts: a line each.
pub(super) fn notes(notes: &[String]) -> String {
    let lines: Vec<String> = notes
        .iter()
        .map(|note| format!("note: {}", note.replace('\n', " ")))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::{Format, render};
    use crate::verdict::{Failure, ProgramReport, Side, TESTS};

    fn report() -> Report {
        let case = |id, outcome| CaseReport {
            role: "server",
            id,
            name: "does what it should",
            asked: None,
            outcome,
            events: Vec::new(),
            programs: vec![ProgramReport {
                ended: None,
                stdout: Excerpt::of("printed \u{ffff}".as_bytes()),
                stderr: Excerpt::of(b""),
            }],
            applies: true,
            only_the_port: false,
            notes: vec![format!("a note\non {id}")],
            began: std::time::SystemTime::now(),
            elapsed: Duration::from_millis(10),
            trace: None,
        };
        let failure = Failure {
            misconception: &crate::misconceptions::NOT_STARTED,
            summary: "\u{fffe} could not be started: no such file.".to_string(),
            diff: None,
            elsewhere: None,
        };
        Report {
            exercise: "an-exercise".to_string(),
            sides: vec![Side {
                role: "server",
                command: "\u{ffff}".to_string(),
                readme: "README.md".to_string(),
                section: None,
            }],
            cases: vec![
                case("passes", Outcome::Passed),
                case("fails", Outcome::Failed(Box::new(failure))),
            ],
            remarks: vec!["a remark on all".to_string()],
            ..Report::default()
        }
    }

    #[test]
    fn notes_and_remarks_are_in_every_format() {
        // A program's author reads what to fix, and no notes.
        let with_notes = Format::ALL
            .into_iter()
            .filter(|format| *format != Format::Student);
        for format in with_notes {
            let text = render(&report(), format, false).unwrap();
            for id in ["passes", "fails"] {
                // Our own schema keeps the line end, as JSON writes it.
                let known = [format!("a note on {id}"), format!("a note\\non {id}")];
                assert!(
                    known.iter().any(|note| text.contains(note)),
                    "{format:?}: {text}"
                );
            }
            assert!(text.contains("a remark on all"), "{format:?}: {text}");
        }
    }

    #[test]
    fn the_exercises_own_tests_are_played_again_without_a_program() {
        let mut report = report();
        report.cases[1].role = TESTS;
        report.sides[0].role = TESTS;
        for format in [Format::Human, Format::Student, Format::Html, Format::Json] {
            let text = render(&report, format, false).unwrap();
            let command = "cargo lab check an-exercise --only fails";
            assert!(text.contains(command), "{format:?}: {text}");
            assert!(!text.contains("--tests"), "{format:?}: {text}");
        }
    }

    /// XML 1.0, section 2.2.
    fn is_of_xml(character: char) -> bool {
        matches!(character,
            '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
    }

    #[test]
    fn whatever_is_printed_junit_gets_only_characters_that_xml_has() {
        let text = super::super::ci::junit(&report()).unwrap();
        let bad: Vec<char> = text.chars().filter(|one| !is_of_xml(*one)).collect();
        assert!(bad.is_empty(), "{bad:?} in {text}");
        for shown in ["printed \\u{ffff}", "\\u{fffe} could not be started"] {
            assert!(text.contains(shown), "{text}");
        }
    }
}
