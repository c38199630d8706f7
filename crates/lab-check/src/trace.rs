//! Pictures of the cases that failed.
//!
//! Each of them is played once more, after all have been judged, with the tracer in the program's
//! place: so no verdict depends on the tracer. Where there is none, or the case does not fail in
//! the same way again, the picture has what the check itself saw when it failed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, bail};
use lab_judge::exercise::{Case, Role};
use lab_judge::harness::{Recorder, Target};
use lab_judge::journal;
use lab_judge::run::{self, Plan, SharedReport};
use lab_judge::verdict::{CaseReport, Outcome};
use labnet::lock;

use crate::progress::Progress;
use crate::workspace;

/// The package with the tracer.
const TRACER: &str = "lab-trace";

/// A case that failed, with what plays it.
struct Failed {
    role: &'static Role,
    target: Target,
    case: &'static Case,
    report: CaseReport,
}

/// Adds its picture to each case that failed.
pub fn draw(targets: &[(&'static Role, Target)], plan: &Plan, shared_report: &SharedReport) {
    let failed = failed(targets, &lock(shared_report).cases);
    if failed.is_empty() {
        return;
    }
    let tracer = tracer().map_err(|error| format!("{error:#}"));
    // The verdicts are known, and the tracer may have had to be built.
    let plan = &Plan {
        begin: Instant::now(),
        ..plan.clone()
    };
    let jobs = match failed.iter().all(|one| one.target.side_by_side()) {
        true => plan.jobs.clamp(1, failed.len()),
        false => 1,
    };
    let progress = Progress::new(failed.len(), "pictures");
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(one) = failed.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let trace = match &tracer {
                        Ok(tracer) => traced(one, tracer, plan),
                        Err(why) => seen(one, why),
                    };
                    progress.done(one.case.id);
                    let mut report = lock(shared_report);
                    if let Some(case) = report.case_mut(one.report.role, one.report.id) {
                        case.trace = Some(trace);
                    }
                }
            });
        }
    });
}

fn failed(targets: &[(&'static Role, Target)], cases: &[CaseReport]) -> Vec<Failed> {
    let find = |report: &CaseReport| {
        let (role, target) = targets
            .iter()
            .find(|(role, _)| role.kind.name() == report.role)?;
        Some(Failed {
            role,
            target: target.clone(),
            case: role.cases.iter().find(|case| case.id == report.id)?,
            report: report.clone(),
        })
    };
    let failed = |case: &&CaseReport| matches!(case.outcome, Outcome::Failed(_));
    cases.iter().filter(failed).filter_map(find).collect()
}

/// The picture of a second run.
fn traced(one: &Failed, tracer: &Path, plan: &Plan) -> lab_journal::Journal {
    if plan.is_over() {
        return seen(one, "the time for the pictures had passed");
    }
    // A program that is run so that it tells its lines may fail in another way.
    for lines in [true, false] {
        let target = Target {
            recorder: Some(Recorder {
                program: tracer.to_path_buf(),
                lines,
            }),
            until: plan.begin + plan.limit,
            ..one.target.clone()
        };
        let again = run::record(one.role, one.case, &target, plan);
        if mistake(&again) == mistake(&one.report)
            && let Some(mut trace) = again.trace
        {
            let note = "the case was played once more for this picture, under the tracer";
            trace.notes.push(note.to_string());
            return trace;
        }
    }
    seen(
        one,
        "under the tracer the case did not fail in this way again",
    )
}

/// The picture of the run that was judged, and why it has none of the program's calls.
fn seen(one: &Failed, why: &str) -> lab_journal::Journal {
    let mut trace = journal::of_case(&one.report, one.role.kind, Vec::new());
    trace.notes.push(format!(
        "this is what the check saw, without the program's calls: {why}"
    ));
    trace
}

fn mistake(report: &CaseReport) -> Option<&'static str> {
    match &report.outcome {
        Outcome::Failed(failure) => Some(failure.misconception.id),
        _ => None,
    }
}

/// The tracer's binary, on a system that lets it trace.
///
/// # Errors
///
/// When there is none, and why.
pub fn tracer() -> anyhow::Result<PathBuf> {
    if !cfg!(target_os = "linux") {
        bail!("only Linux lets the calls be seen");
    }
    let folder = workspace::root().join("crates").join(TRACER);
    if !folder.join("Cargo.toml").exists() {
        bail!("the tracer is in the whole workspace, and this is a part of it");
    }
    let tracer = lab_core::cargo::build_tool_in(workspace::root(), TRACER)?;
    let asked = Command::new(&tracer)
        .arg("--can-record")
        .output()
        .context("cannot start the tracer")?;
    if !asked.status.success() {
        let said = String::from_utf8_lossy(&asked.stderr);
        bail!(
            "{}",
            said.lines().next().unwrap_or("the tracer does not run")
        );
    }
    Ok(tracer)
}
