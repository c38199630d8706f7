//! Makes all runs of the book, and checks that they say what the questions and the READMEs say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, anyhow, ensure};
use lab_core::catalog::{Catalog, Exercise, Program, Roles};
use lab_journal::model::Stream;
use lab_journal::{Journal, Side};
use labnet::{Hint, log};

use crate::chapter::Chapter;
use crate::code::text_of;
use crate::data::{Data, read};
use crate::exercise;
use crate::markdown;
use crate::measure::{printed, without_ports};
use crate::plan::{Wanted, shown_run};
use crate::recordings::{Recordings, Trace, in_python};
use crate::runs::Studio;

type Holds<'a> = Box<dyn Fn(&[&Journal]) -> anyhow::Result<()> + 'a>;

/// What some runs have to show.
struct Check<'a> {
    runs: Vec<Wanted>,
    holds: Holds<'a>,
}

/// Records the runs of the exercises, of the chapters and of the questions, and checks them. A
/// run that is wanted twice is recorded once.
///
/// # Errors
///
/// When a run cannot be recorded, or runs show something other than they have to: stderr
/// names all of them.
pub fn record_all(
    catalog: &Catalog,
    exercises: &[&Exercise],
    all_data: &BTreeMap<&str, Data>,
    chapters: &[Chapter],
) -> anyhow::Result<Recordings> {
    let mut programs: Vec<&Program> = Vec::new();
    let mut traces: BTreeMap<Wanted, Trace> = BTreeMap::new();
    let mut checks: Vec<Check<'_>> = Vec::new();
    for exercise in exercises {
        if matches!(exercise.roles()?, Roles::Demo(..)) {
            continue;
        }
        programs.extend(&exercise.programs);
        let data = &all_data[exercise.id.as_str()];
        of_exercise(exercise, data, &mut traces, &mut checks);
        checks.push(Check {
            runs: vec![(exercise.id.clone(), data.run.clone())],
            holds: Box::new(|runs| as_in_its_readme(&catalog.root, exercise, data, runs[0])),
        });
    }
    for chapter in chapters {
        for run in &chapter.runs {
            traces.entry(run.wanted()).or_insert_with(|| Trace {
                address: run.address(),
                title: run.title.replace('`', ""),
                back: (chapter.address(), chapter.title.clone()),
            });
        }
    }
    let mut wanted: BTreeSet<&Wanted> = traces.keys().collect();
    wanted.extend(checks.iter().flat_map(|check| &check.runs));
    log!("recording {} runs …", wanted.len());
    let studio = Studio::new(catalog, &programs)?;
    let mut journals = studio.record_all(catalog, &wanted)?;
    let wrong = settle(&checks, &mut journals, |wanted| {
        studio.record(catalog, wanted)
    })?;
    for one in &wrong {
        log!("wrong: {one}");
    }
    if !wrong.is_empty() {
        let count = wrong.len();
        return Err(anyhow!("{count} statements about the runs are wrong")).hint(
            "the lines above say which: a program has changed, or what a README or a question says \
             of it is wrong",
        );
    }
    Ok(Recordings { journals, traces })
}

/// The runs of an exercise, and what they have to show.
fn of_exercise<'a>(
    exercise: &'a Exercise,
    data: &'a Data,
    traces: &mut BTreeMap<Wanted, Trace>,
    checks: &mut Vec<Check<'a>>,
) {
    let page = exercise::address(exercise);
    let of_page = (exercise.id.clone(), data.run.clone());
    traces.insert(
        of_page.clone(),
        Trace {
            address: exercise::trace_address(exercise),
            title: format!("{}: what happened", exercise.title),
            back: (format!("{page}#run"), exercise.title.clone()),
        },
    );
    // A lone program's twin may be much simpler: a scanner is.
    if let Some(python) = in_python(exercise, &data.run) {
        let alone = exercise.programs.len() == 1;
        checks.push(Check {
            runs: vec![of_page, (exercise.id.clone(), python)],
            holds: Box::new(move |runs| match alone {
                true => Ok(()),
                false => same_transcripts(exercise, runs),
            }),
        });
    }
    for question in &data.question {
        let of_question = (exercise.id.clone(), question.plan(&data.run));
        let asked = text_of(&markdown::inline(&question.ask));
        let last = asked.trim().rsplit(". ").next().unwrap_or("");
        let how = shown_run(&of_question);
        let how = how.split_once(", ").map_or("", |(_, how)| how);
        let how = match how {
            "" => String::new(),
            how => format!(" ({how})"),
        };
        traces.entry(of_question).or_insert_with(|| Trace {
            address: format!("trace-{}-{}.html", exercise.id, question.id),
            title: format!("{}: {last}{how}", exercise.title),
            back: (
                format!("{page}#predict-{}", question.id),
                exercise.title.clone(),
            ),
        });
        checks.push(Check {
            runs: question.runs(exercise, &data.run),
            holds: Box::new(|runs| question.check(runs).context(exercise.id.clone())),
        });
    }
}

/// What the runs in Rust and in Python print has to be the same, but for ports.
fn same_transcripts(exercise: &Exercise, runs: &[&Journal]) -> anyhow::Result<()> {
    let [rust, python] = runs else {
        anyhow::bail!("two runs are compared, not {}", runs.len());
    };
    for program in &exercise.programs {
        let side = exercise::side_of(program);
        let lines = |journal| without_ports(&printed(journal, side, Stream::Stdout));
        let (rust, python) = (lines(rust), lines(python));
        ensure!(
            rust == python,
            "{}: the {} prints in Rust\n{rust}\nand in Python\n{python}",
            exercise.id,
            side.name()
        );
    }
    Ok(())
}

/// What a README says that its program prints, where it is run as in the run of the page.
fn as_in_its_readme(
    root: &Path,
    exercise: &Exercise,
    data: &Data,
    journal: &Journal,
) -> anyhow::Result<()> {
    let plan = &data.run;
    // What a user types is in the README's transcript too.
    if !plan.input.is_empty() {
        return Ok(());
    }
    for program in &exercise.programs {
        let side = exercise::side_of(program);
        let more = match side {
            Side::Server => &plan.server_args,
            Side::Client => &plan.client_args,
        };
        let readme = read(&root.join(&program.folder).join("README.md"))?;
        let args = [&program.args[..], &data.args, more].concat();
        let out = printed(journal, side, Stream::Stdout);
        let err = printed(journal, side, Stream::Stderr);
        let both = without_ports(&format!("{out}{err}"));
        for line in told_lines(&readme, &program.package, &args) {
            ensure!(
                both.lines().any(|one| one == line),
                "{}: its README says that it prints `{line}`, and it prints\n{both}",
                program.package
            );
        }
    }
    Ok(())
}

/// The lines below the command that runs a program with these arguments, in the section "Run it".
fn told_lines(readme: &str, package: &str, args: &[String]) -> Vec<String> {
    let (_, section) = readme.split_once("\n## Run it\n").unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or("");
    let mut told = Vec::new();
    for block in section.split("```console\n").skip(1) {
        let mut ours = false;
        for line in block.split("```").next().unwrap_or("").lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                let words = shell_words::split(command).unwrap_or_default();
                let rest = words.strip_prefix(&["cargo", "run", "-p", package].map(str::to_string));
                let rest = rest.map(|rest| rest.strip_prefix(&["--".to_string()]).unwrap_or(rest));
                ours = rest == Some(args);
            } else if ours {
                told.push(without_ports(line));
            }
        }
    }
    told
}

/// Checks all runs. Those that do not hold are recorded once more, alone: on a busy machine a run
/// may come out differently. Gives what still does not hold, of all that these runs are for.
fn settle(
    checks: &[Check<'_>],
    journals: &mut BTreeMap<Wanted, Journal>,
    mut again: impl FnMut(&Wanted) -> anyhow::Result<Journal>,
) -> anyhow::Result<Vec<String>> {
    let mut runs: BTreeSet<&Wanted> = BTreeSet::new();
    for check in checks {
        if let Err(error) = holds(check, journals) {
            log!("{error:#}; once more, alone");
            runs.extend(&check.runs);
        }
    }
    for &wanted in &runs {
        journals.insert(wanted.clone(), again(wanted)?);
    }
    let is_touched = |check: &&Check<'_>| check.runs.iter().any(|run| runs.contains(run));
    let touched = checks.iter().filter(is_touched);
    let wrong = touched.filter_map(|check| holds(check, journals).err());
    Ok(wrong.map(|error| format!("{error:#}")).collect())
}

fn holds(check: &Check<'_>, journals: &BTreeMap<Wanted, Journal>) -> anyhow::Result<()> {
    let runs: Option<Vec<&Journal>> = check.runs.iter().map(|run| journals.get(run)).collect();
    (check.holds)(&runs.context("a run was not recorded")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;

    fn wanted(name: &str) -> Wanted {
        (name.to_string(), Plan::default())
    }

    /// A check of one run, which holds when the run has a note.
    fn check(name: &'static str) -> Check<'static> {
        Check {
            runs: vec![wanted(name)],
            holds: Box::new(move |runs| {
                ensure!(!runs[0].notes.is_empty(), "{name} is wrong");
                Ok(())
            }),
        }
    }

    fn good() -> Journal {
        let mut journal = Journal::default();
        journal.notes.push("good".to_string());
        journal
    }

    #[test]
    fn a_readme_tells_the_lines_of_one_command() {
        let readme = "# A\n\n## Run it\n\n```console\n$ cargo run -p dsd-sum-client -- --host x\nno\n```\n\n\
                      ```console\n$ cargo run -p dsd-sum-client 1 2\nConnected by ('127.0.0.1', 51234)\nSays: 3\n$ ls\nb\n\
                      ```\n\n## Try\n\n```console\n$ cargo run -p dsd-sum-client 1 2\nlater\n```\n";
        let args =
            |words: &[&str]| -> Vec<String> { words.iter().map(ToString::to_string).collect() };
        assert_eq!(
            told_lines(readme, "dsd-sum-client", &args(&["1", "2"])),
            ["Connected by ('127.0.0.1', PORT)", "Says: 3"]
        );
        assert_eq!(
            told_lines(readme, "dsd-sum-client", &args(&["--host", "x"])),
            ["no"]
        );
        assert!(told_lines(readme, "b", &[]).is_empty());
    }

    #[test]
    fn a_run_that_does_not_hold_is_recorded_once_more_and_all_that_stay_wrong_are_told() {
        let checks = [check("a"), check("b"), check("c"), check("d")];
        let mut journals: BTreeMap<Wanted, Journal> = ["a", "b", "c", "d"]
            .map(|name| (wanted(name), Journal::default()))
            .into();
        journals.insert(wanted("a"), good());
        let mut recorded = Vec::new();
        let wrong = settle(&checks, &mut journals, |(name, _)| {
            recorded.push(name.clone());
            // Only b was disturbed.
            Ok(if name == "b" {
                good()
            } else {
                Journal::default()
            })
        });
        assert_eq!(wrong.unwrap(), ["c is wrong", "d is wrong"]);
        assert_eq!(recorded, ["b", "c", "d"]);
        let wrong = settle(&checks, &mut journals, |_| Ok(good()));
        assert!(wrong.unwrap().is_empty());
    }
}
