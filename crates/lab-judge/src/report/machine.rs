//! The result for machines: one inner schema, and the forms that other tools want, made from it.

use serde_json::{Value, json};

use super::human::{again, conversation, output, readme};
use super::quote::{compare, quoted};
use crate::verdict::{CaseReport, Excerpt, Outcome, Report};

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
fn message(case: &CaseReport) -> String {
    match &case.outcome {
        Outcome::Passed => String::new(),
        Outcome::Failed(failure) => failure.summary.clone(),
        Outcome::Skipped(why) | Outcome::Undecided(why) => why.clone(),
    }
}

/// All that a student gets to see of a case that did not pass.
fn details(report: &Report, case: &CaseReport) -> String {
    let Outcome::Failed(failure) = &case.outcome else {
        return message(case);
    };
    let mut text = format!(
        "{}\n\n{}: {}\n\n",
        failure.summary, failure.misconception.title, failure.misconception.text
    );
    if let Some(diff) = &failure.diff {
        let compared = compare(diff);
        text.push_str(&format!(
            "expected  {}\nreceived  {}\n          {} {}\n",
            compared.expected, compared.received, compared.caret, compared.place
        ));
    }
    text.push_str(&conversation(&case.events));
    let several = case.programs.len() > 1;
    for (number, program) in (1..).zip(&case.programs) {
        text.push_str(&output(program, several.then_some(number)));
    }
    text.push_str(&format!(
        "read {}\nagain: {}\n",
        readme(report, case),
        again(report, case)
    ));
    text
}

/// Our own schema.
///
/// # Errors
///
/// When serde_json fails.
pub fn json(report: &Report) -> anyhow::Result<String> {
    let counts = report.counts();
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
        "score": score,
        "max_score": max_score,
        "counts": {
            "passed": counts.passed,
            "failed": counts.failed,
            "skipped": counts.skipped,
            "undecided": counts.undecided,
        },
        "cases": cases,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&value)?))
}

fn one(report: &Report, case: &CaseReport) -> Value {
    let mut value = json!({
        "role": case.role,
        "id": case.id,
        "name": case.name,
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
fn notes(notes: &[String]) -> String {
    let lines: Vec<String> = notes
        .iter()
        .map(|note| format!("note: {}", note.replace('\n', " ")))
        .collect();
    lines.join("\n")
}

/// What is said of a case that did not pass, and its notes.
fn describe(report: &Report, case: &CaseReport) -> String {
    format!("{}\n{}", details(report, case), notes(&case.notes))
        .trim()
        .to_string()
}

/// Text without the two code points that UTF-8 has and XML 1.0 has not (its section 2.2, "Characters"). The library leaves out
/// the control characters that XML has not either.
fn xml(text: &str) -> String {
    text.replace('\u{fffe}', "\\u{fffe}")
        .replace('\u{ffff}', "\\u{ffff}")
}

/// JUnit's XML.
///
/// # Errors
///
/// When the library cannot write it.
pub fn junit(report: &Report) -> anyhow::Result<String> {
    use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

    let mut whole = quick_junit::Report::new("cargo lab check");
    for side in &report.sides {
        let mut suite = TestSuite::new(format!("{} {}", report.exercise, side.role));
        let cases = report.cases.iter().filter(|case| case.role == side.role);
        for case in cases {
            let status = match &case.outcome {
                Outcome::Passed => TestCaseStatus::success(),
                Outcome::Failed(failure) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    status.set_message(xml(&failure.summary));
                    status.set_type(failure.misconception.id);
                    status.set_description(xml(&details(report, case)));
                    status
                }
                Outcome::Skipped(why) => {
                    let mut status = TestCaseStatus::skipped();
                    status.set_message(xml(why));
                    status
                }
                Outcome::Undecided(why) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                    status.set_message(xml(why));
                    status
                }
            };
            let mut test = TestCase::new(format!("{}: {}", case.id, case.name), status);
            test.set_classname(format!("{}.{}", report.exercise, side.role));
            test.set_time(case.elapsed);
            if !case.notes.is_empty() {
                test.set_system_out(xml(&notes(&case.notes)));
            }
            suite.add_test_case(test);
        }
        if !report.remarks.is_empty() {
            suite.set_system_out(xml(&notes(&report.remarks)));
        }
        whole.add_test_suite(suite);
    }
    whole.set_time(report.elapsed);
    if let Some(trouble) = &report.trouble {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(xml(trouble));
        let mut suite = TestSuite::new("cargo lab check");
        suite.add_test_case(TestCase::new("the check itself", status));
        whole.add_test_suite(suite);
    }
    Ok(whole.to_string()?)
}

/// Lines of TAP that no reader takes for results.
fn comments(all: &[String]) -> String {
    notes(all)
        .lines()
        .map(|line| format!("# {line}\n"))
        .collect()
}

/// The Test Anything Protocol, version 14: a line a case, its details in a block of YAML, its notes as comments.
pub fn tap(report: &Report) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", report.cases.len());
    for (index, case) in report.cases.iter().enumerate() {
        let number = index + 1;
        // A "#" would begin a directive.
        let name = format!("{}: {}", report.full_name(case), case.name).replace('#', "\\#");
        match &case.outcome {
            Outcome::Passed => text.push_str(&format!("ok {number} - {name}\n")),
            Outcome::Skipped(why) => text.push_str(&format!("ok {number} - {name} # SKIP {why}\n")),
            Outcome::Failed(_) | Outcome::Undecided(_) => {
                text.push_str(&format!("not ok {number} - {name}\n  ---\n  message: |\n"));
                for line in details(report, case).lines() {
                    // An empty line keeps its indentation: Perl's reader takes one without for the end of the block.
                    text.push_str(&format!("    {line}\n"));
                }
                text.push_str("  ...\n");
            }
        }
        text.push_str(&comments(&case.notes));
    }
    text.push_str(&comments(&report.remarks));
    if let Some(trouble) = &report.trouble {
        text.push_str(&format!("Bail out! {}\n", trouble.replace('\n', " ")));
    }
    text
}

/// Gradescope's `results.json`: what each case counts, all visible.
///
/// # Errors
///
/// When serde_json fails.
pub fn gradescope(report: &Report) -> anyhow::Result<String> {
    let counts = report.counts();
    let tests: Vec<Value> = report
        .cases
        .iter()
        .map(|case| {
            let passed = matches!(case.outcome, Outcome::Passed);
            json!({
                "score": report.earned(case),
                "max_score": report.weight(case),
                "status": if passed { "passed" } else { "failed" },
                "name": format!("{}: {}", report.full_name(case), case.name),
                "name_format": "text",
                "output": describe(report, case),
                "output_format": "text",
                "visibility": "visible",
            })
        })
        .collect();
    let mut output = format!("{} of {} cases passed.", counts.passed, counts.total());
    if let Some(trouble) = &report.trouble {
        output = format!("{output}\nThe check itself did not come to its end: {trouble}");
    }
    let output = format!("{output}\n{}", notes(&report.remarks));
    let value = json!({
        "score": report.score().0,
        "execution_time": report.elapsed.as_secs(),
        "output": output.trim_end(),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "visible",
        "tests": tests,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&value)?))
}

/// classroom50's `result.json`, schema `classroom50/result/v1`. Who submitted what stands in the environment that its runner
/// sets; a run by hand leaves those fields empty.
///
/// # Errors
///
/// When serde_json fails.
pub fn classroom50(report: &Report) -> anyhow::Result<String> {
    let (score, max_score) = report.score();
    let tests: Vec<Value> = report
        .cases
        .iter()
        .map(|case| {
            let passed = matches!(case.outcome, Outcome::Passed);
            json!({
                "test-name": report.full_name(case),
                "passed": passed,
                "score": report.earned(case),
                "max-score": report.weight(case),
                // Fields of our own: the contract keeps them as they are.
                "description": case.name,
                "output": describe(report, case),
            })
        })
        .collect();
    let set = |name: &str| std::env::var(name).unwrap_or_default();
    let review = match set("REVIEW_URL") {
        empty if empty.is_empty() => set("COMMIT_URL"),
        url => url,
    };
    let graded_at = chrono::Utc::now().format(INSTANT).to_string();
    let mut value = json!({
        "schema": "classroom50/result/v1",
        "classroom": set("CLASSROOM"),
        "assignment": set("ASSIGNMENT"),
        "submission": set("SUBMISSION_TAG"),
        "commit": set("COMMIT_URL"),
        "release": set("RELEASE_URL"),
        "review": review,
        "datetime": submitted_at().unwrap_or_else(|| graded_at.clone()),
        "graded_at": graded_at,
        "score": score,
        "max-score": max_score,
        "tests": tests,
        "remarks": report.remarks,
    });
    if let (Value::Object(object), Some(trouble)) = (&mut value, &report.trouble) {
        object.insert("trouble".into(), trouble.clone().into());
    }
    Ok(format!("{}\n", serde_json::to_string_pretty(&value)?))
}

/// `2026-06-01T14:32:01Z`
const INSTANT: &str = "%Y-%m-%dT%H:%M:%SZ";

/// When the graded commit was made: by the contract `datetime` is the submission's, and stays when it is graded again.
/// `None` outside of a repository, and where there is no git.
fn submitted_at() -> Option<String> {
    let output = std::process::Command::new("git")
        .args(["log", "-1", "--format=%ct"])
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .output()
        .ok()?;
    let seconds = String::from_utf8(output.stdout).ok()?;
    let instant = chrono::DateTime::from_timestamp(seconds.trim().parse().ok()?, 0)?;
    Some(instant.format(INSTANT).to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::{Format, render};
    use crate::verdict::{Failure, ProgramReport, Side};

    fn report() -> Report {
        let case = |id, outcome| CaseReport {
            role: "server",
            id,
            name: "does what it should",
            outcome,
            events: Vec::new(),
            programs: vec![ProgramReport {
                ended: None,
                stdout: Excerpt::of("printed \u{ffff}".as_bytes()),
                stderr: Excerpt::of(b""),
            }],
            notes: vec![format!("a note\non {id}")],
            elapsed: Duration::from_millis(10),
        };
        let failure = Failure {
            misconception: &crate::misconceptions::NOT_STARTED,
            summary: "\u{fffe} could not be started: no such file.".to_string(),
            diff: None,
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
        for format in Format::ALL {
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

    /// XML 1.0, section 2.2.
    fn is_of_xml(character: char) -> bool {
        matches!(character,
            '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
    }

    #[test]
    fn whatever_is_printed_junit_gets_only_characters_that_xml_has() {
        let text = junit(&report()).unwrap();
        let bad: Vec<char> = text.chars().filter(|one| !is_of_xml(*one)).collect();
        assert!(bad.is_empty(), "{bad:?} in {text}");
        for shown in ["printed \\u{ffff}", "\\u{fffe} could not be started"] {
            assert!(text.contains(shown), "{text}");
        }
    }
}
