//! The result for the services that keep a course's grades: Gradescope and classroom50.

use serde_json::{Value, json};

use super::machine::{details, notes, questions, scores};
use crate::verdict::{CaseReport, Outcome, Report};

/// Gradescope's `results.json`: what each case counts, all visible. A case of the second question
/// counts nothing, unless it decides.
///
/// # Errors
///
/// When serde_json fails.
pub fn gradescope(report: &Report) -> anyhow::Result<String> {
    let tests: Vec<Value> = report
        .cases
        .iter()
        .map(|case| {
            let passed = matches!(case.outcome, Outcome::Passed);
            let mut test = json!({
                "status": if passed { "passed" } else { "failed" },
                "name": format!("{}: {}", report.full_name(case), case.name),
                "name_format": "text",
                "output": about(report, case),
                "output_format": "text",
                "tags": [case.question().name()],
                "visibility": "visible",
            });
            if let (true, Value::Object(object)) = (report.decides(case), &mut test) {
                object.insert("score".into(), points(report, report.earned(case)));
                object.insert("max_score".into(), points(report, report.weight(case)));
            }
            test
        })
        .collect();
    let mut output = scores(report).join("\n");
    if let Some(trouble) = &report.trouble {
        output = format!("{output}\nThe check itself did not come to its end: {trouble}");
    }
    let output = format!("{output}\n{}", notes(&report.remarks));
    let value = json!({
        "score": points(report, report.score().0),
        "execution_time": report.elapsed.as_secs(),
        "output": output.trim_end(),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "visible",
        "extra_data": {"questions": questions(report)},
        "tests": tests,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&value)?))
}

/// Points of the score, on the scale on which all of them are as many as the instructor says.
fn points(report: &Report, earned: u32) -> Value {
    match report.in_points(earned) {
        Some(points) => ((points * 10_000.0).round() / 10_000.0).into(),
        None => earned.into(),
    }
}

/// What is said of a case, and its notes.
fn about(report: &Report, case: &CaseReport) -> String {
    format!("{}\n{}", details(report, case), notes(&case.notes))
        .trim()
        .to_string()
}

/// classroom50's `result.json`, schema `classroom50/result/v1`. Who submitted what is in the
/// environment that its runner sets; a run by hand leaves those fields empty.
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
            let counts = u32::from(report.decides(case));
            json!({
                "test-name": report.full_name(case),
                "passed": passed,
                "score": counts * report.earned(case),
                "max-score": counts * report.weight(case),
                // Fields of our own: the contract keeps them as they are.
                "question": case.question().name(),
                "description": case.name,
                "output": about(report, case),
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
        "questions": questions(report),
        "remarks": report.remarks,
    });
    if let (Value::Object(object), Some(trouble)) = (&mut value, &report.trouble) {
        object.insert("trouble".into(), trouble.clone().into());
    }
    Ok(format!("{}\n", serde_json::to_string_pretty(&value)?))
}

/// `2026-06-01T14:32:01Z`
const INSTANT: &str = "%Y-%m-%dT%H:%M:%SZ";

/// When the graded commit was made: by the contract `datetime` is the submission's, and stays when
/// it is graded again. `None` outside of a repository, and where there is no git.
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
