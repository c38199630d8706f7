//! The result for continuous integration: JUnit's XML, and the Test Anything Protocol.

use super::machine::{details, notes, scores};
use crate::sheet::Question;
use crate::verdict::{CaseReport, Outcome, Report};

/// JUnit's XML: a suite for each side and question, with its points among its properties. What
/// breaks on a real network alone is shown as skipped, with what was seen: a failure there would
/// fail the build, against the verdict.
///
/// # Errors
///
/// When the library cannot write it.
pub fn junit(report: &Report) -> anyhow::Result<String> {
    use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

    let mut whole = quick_junit::Report::new("cargo lab check");
    for side in &report.sides {
        for question in Question::ALL {
            let cases: Vec<&CaseReport> = report
                .answering(question)
                .filter(|case| case.role == side.role)
                .collect();
            if cases.is_empty() {
                continue;
            }
            let name = format!("{} {}: {}", report.exercise, side.role, question.words());
            let mut suite = TestSuite::new(name);
            let sum = |of: fn(&Report, &CaseReport) -> u32| -> u32 {
                cases.iter().map(|case| of(report, case)).sum()
            };
            for (name, points) in [
                ("score", sum(Report::earned)),
                ("max_score", sum(Report::weight)),
            ] {
                suite.add_property(Property::new(name, points.to_string()));
            }
            for case in cases {
                suite.add_test_case(junit_case(report, case));
            }
            if !report.remarks.is_empty() {
                suite.set_system_out(xml(&notes(&report.remarks)));
            }
            whole.add_test_suite(suite);
        }
    }
    whole.set_time(report.elapsed);
    if let Some(trouble) = &report.trouble {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(xml(trouble));
        let mut suite = TestSuite::new("cargo lab check");
        let mut test = TestCase::new("the check itself", status);
        test.set_classname(report.exercise.as_str());
        suite.add_test_case(test);
        whole.add_test_suite(suite);
    }
    Ok(whole.to_string()?)
}

fn junit_case(report: &Report, case: &CaseReport) -> quick_junit::TestCase {
    use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus};

    let status = match &case.outcome {
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Failed(failure) if !report.decides(case) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(xml(&format!("breaks: {}", failure.summary)));
            status.set_type(failure.misconception.id);
            status.set_description(xml(&details(report, case)));
            status
        }
        Outcome::Failed(failure) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(xml(&failure.summary));
            status.set_type(failure.misconception.id);
            status.set_description(xml(&details(report, case)));
            status
        }
        Outcome::Undecided(why) if report.decides(case) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(xml(why));
            status
        }
        Outcome::Skipped(why) | Outcome::Undecided(why) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(xml(why));
            status
        }
    };
    let mut test = TestCase::new(format!("{}: {}", case.id, case.name), status);
    test.set_classname(format!("{}.{}", report.exercise, case.role));
    test.set_time(case.elapsed);
    let sheet = case.asked.map(|asked| format!("sheet: {}", asked.words));
    let told: Vec<String> = sheet
        .into_iter()
        .chain((!case.notes.is_empty()).then(|| notes(&case.notes)))
        .collect();
    if !told.is_empty() {
        test.set_system_out(xml(&told.join("\n")));
    }
    test
}

/// Text without the two code points that UTF-8 has and XML 1.0 has not (its section 2.2,
/// "Characters"). The library leaves out the control characters that XML has not either.
fn xml(text: &str) -> String {
    text.replace('\u{fffe}', "\\u{fffe}")
        .replace('\u{ffff}', "\\u{ffff}")
}

/// Lines of TAP that no reader takes for results.
fn comments(all: &[String]) -> String {
    notes(all)
        .lines()
        .map(|line| format!("# {line}\n"))
        .collect()
}

/// The Test Anything Protocol, version 13, which every reader takes: a line a case, its details in
/// a block of YAML, its notes as comments. What breaks on a real network alone is marked with the
/// directive `todo`: a harness shows it, and does not count it as a failure.
pub fn tap(report: &Report) -> String {
    let mut text = format!("TAP version 13\n1..{}\n", report.cases.len());
    for (index, case) in report.cases.iter().enumerate() {
        let number = index + 1;
        // A "#" would begin a directive.
        let name = format!("{}: {}", report.full_name(case), case.name).replace('#', "\\#");
        match &case.outcome {
            Outcome::Passed => text.push_str(&format!("ok {number} - {name}\n")),
            Outcome::Skipped(why) => text.push_str(&format!("ok {number} - {name} # SKIP {why}\n")),
            Outcome::Failed(_) | Outcome::Undecided(_) => {
                let todo = match report.decides(case) {
                    true => String::new(),
                    false => format!(" # todo {}", case.question().words()),
                };
                text.push_str(&format!(
                    "not ok {number} - {name}{todo}\n  ---\n  message: |\n"
                ));
                for line in details(report, case).lines() {
                    // An empty line keeps its indentation: Perl's reader
                    // takes one without for the end of the block.
                    text.push_str(&format!("    {line}\n"));
                }
                text.push_str("  ...\n");
            }
        }
        text.push_str(&comments(&case.notes));
    }
    for score in scores(report) {
        text.push_str(&format!("# {score}\n"));
    }
    text.push_str(&comments(&report.remarks));
    if let Some(trouble) = &report.trouble {
        text.push_str(&format!("Bail out! {}\n", trouble.replace('\n', " ")));
    }
    text
}
