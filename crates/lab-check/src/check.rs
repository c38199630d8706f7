//! `cargo lab check`: one program, judged.

use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use lab_judge::exercise::{Case, Role};
use lab_judge::report::Format;
use lab_judge::run::{self, Plan, SharedReport};
use lab_judge::sheet::{self, Question};
use lab_judge::verdict::TESTS;
use lab_judge::{misconceptions, process};
use labnet::{Hint, lock, say};
use serde_json::json;

use crate::deliver::{self, Save, Sink};
use crate::elsewhere;
use crate::exercises;
use crate::left;
use crate::own_tests;
use crate::progress::Progress;
use crate::target::{self, Prepared, Wanted};
use crate::trace;

/// Judges a program in any language by what it does on the wire.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "check",
    help_triggers("-h", "--help"),
    example = "cargo lab check {{exercise}}",
    example = "cargo lab check {{exercise}} --server \"python3 my_server.py --port {{port}}\"",
    example = "cargo lab check {{exercise}} --client \"./client {{host}} {{port}} {{message}}\" --only {{case}}",
    example = "cargo lab check {{exercise}} --server \"python3 my_server.py {{port}}\" --save junit=results.xml",
    note = "The command runs without a shell. {{host}}, {{port}} and, for clients, {{message}} are filled in; without {{port}} the \
            sheet's own address is used. {{scratch}} is an empty folder for what the program keeps. The words rust and python stand for our own program and its twin.\n\n\
            This is not a sandbox: the program runs with your rights.",
    error_code(
        0,
        "the program does what the sheet asks; with --strict or --only: every case passed"
    ),
    error_code(1, "some of these cases failed"),
    error_code(2, "none of them failed, but not every one could be decided"),
    error_code(3, "the check itself could not be done"),
    error_code(130, "stopped by Ctrl-C; 129 by SIGHUP, 143 by SIGTERM")
)]
pub struct Check {
    /// the exercise, as cargo lab list names it; none lists those that can be checked
    #[argh(positional)]
    exercise: Option<String>,
    /// the server to check
    #[argh(option)]
    server: Option<String>,
    /// the client to check
    #[argh(option)]
    client: Option<String>,
    /// the program to check, where an exercise has no two sides
    #[argh(option)]
    program: Option<String>,
    /// run the programs in this folder; {dir} in a command stands for it
    #[argh(option, long = "in", arg_name = "folder")]
    folder: Option<PathBuf>,
    /// only this case; may be given again
    #[argh(option)]
    only: Vec<String>,
    /// explain a misconception that a report has named, and do nothing else
    #[argh(option)]
    explain: Option<String>,
    /// list the cases instead of playing them; with --format json also what each of them depends on
    #[argh(switch)]
    list: bool,
    #[argh(option, default = "1")]
    /// what is random follows from this number (default 1)
    seed: u64,
    /// seconds that a step may take (default 5)
    #[argh(option, default = "target::PATIENCE", from_str_fn(labnet::seconds))]
    patience: Duration,
    /// seconds that the whole check may take (default 120)
    #[argh(
        option,
        default = "Duration::from_secs(120)",
        from_str_fn(labnet::seconds)
    )]
    limit: Duration,
    /// let the second question count as well: would it survive a real network?
    #[argh(switch)]
    strict: bool,
    /// cases at a time (default: twice the processors)
    #[argh(option, default = "run::default_jobs()")]
    jobs: usize,
    /// what a case counts in a score, as CASE=POINTS (--list
    /// --format json shows the default); may be given again
    #[argh(option, arg_name = "case=points", from_str_fn(target::weight))]
    weight: Vec<(String, u32)>,
    /// a file with what cases count, CASE=POINTS in each line; --weight goes before it
    #[argh(option, arg_name = "file")]
    weights: Option<PathBuf>,
    /// whose program it is, for --format student
    #[argh(option)]
    name: Option<String>,
    /// how many points all cases that count together stand for, in Gradescope's file
    #[argh(option)]
    points: Option<u32>,
    /// human (default), student, html, json, junit, tap, gradescope or classroom50
    #[argh(option, default = "Format::Human", from_str_fn(Format::parse))]
    format: Format,
    /// write the result into this file instead of showing it
    #[argh(option)]
    out: Option<PathBuf>,
    /// write the result into a file as well, as FORMAT=FILE; may be given again
    #[argh(option, arg_name = "format=file", from_str_fn(Save::parse))]
    save: Vec<Save>,
    /// draw each case that fails: the program's calls, the segments, and what the check did
    #[argh(switch)]
    trace: bool,
    /// use this machine's network where each case could have its own (Linux)
    #[argh(switch)]
    shared_network: bool,
}

impl Check {
    /// Checks, and gives the exit code.
    ///
    /// # Errors
    ///
    /// When the check cannot be done.
    pub fn run(self) -> anyhow::Result<u8> {
        if let Some(id) = &self.explain {
            return explain(id).map(|()| 0);
        }
        let Some(name) = &self.exercise else {
            return list_exercises().map(|()| 0);
        };
        let commands = [&self.server, &self.client, &self.program];
        target::get_networks(self.shared_network, commands);
        let (exercise, sides) = target::sides(name, commands)?;
        if self.list {
            let roles = sides.iter().map(|(role, _)| *role);
            let tests = own_tests::are_there(exercise, &sides);
            match self.format {
                Format::Json => list_as_json(roles, tests)?,
                _ => list_cases(roles, tests)?,
            }
            return Ok(0);
        }
        let weight = target::weights(self.weights.as_deref(), &self.weight)?;
        let weighed = weight.iter().map(|(case, _)| case);
        target::cases_exist(exercise, &sides, self.only.iter().chain(weighed))?;
        // A case that was asked for by its name counts, whichever question it answers.
        let strict = self.strict || !self.only.is_empty();
        let plan = Plan {
            only: self.only,
            jobs: self.jobs,
            begin: Instant::now(),
            limit: self.limit,
        };
        let wanted = Wanted {
            exercise,
            sides,
            patience: self.patience,
            seed: self.seed,
            folder: self.folder.map(|folder| absolute(&folder)).transpose()?,
            shared_network: self.shared_network,
        };
        let sink = Sink::new(self.format, self.out, self.save)?;
        process::prepare().context("cannot become the reaper of orphans")?;
        let mut report = wanted.report(&plan, &weight, strict);
        report.points = self.points;
        report.student = self.name;
        let shared_report = deliver::begin(report, sink)?;
        let played = play(&wanted, &plan, self.trace, &shared_report);
        process::sweep();
        let trouble = played.as_ref().err().map(|error| format!("{error:#}"));
        let report = deliver::end(trouble)?;
        played.map(|()| report.exit_code())
    }
}

/// The folder, from the root on: a program that runs in it is named by paths that begin elsewhere.
///
/// # Errors
///
/// When there is no such folder.
pub fn absolute(folder: &Path) -> anyhow::Result<PathBuf> {
    let found = folder
        .canonicalize()
        .with_context(|| format!("there is no folder {}", folder.display()))?;
    match found.is_dir() {
        true => Ok(found),
        false => Err(anyhow!("{} is not a folder", folder.display())),
    }
}

/// Plays every side. Each case's result is in the report as soon as it is known.
///
/// # Errors
///
/// When it cannot be played; a panic of ours as well.
pub fn play(
    wanted: &Wanted,
    plan: &Plan,
    trace: bool,
    shared_report: &SharedReport,
) -> anyhow::Result<()> {
    let done = panic::catch_unwind(AssertUnwindSafe(|| {
        let built = wanted.build(plan)?;
        // The check's time is the programs', not the compiler's.
        let plan = &Plan {
            begin: Instant::now(),
            ..plan.clone()
        };
        let Prepared { targets, remarks } = wanted.targets(plan, &built)?;
        let count = {
            let mut report = lock(shared_report);
            report.remarks.extend(remarks);
            report.cases.len()
        };
        let progress = Progress::new(count, wanted.exercise.name);
        for (role, target) in &targets {
            run::play(role, target, plan, shared_report, &|case| {
                progress.done(case.id);
            });
            elsewhere::play(role, target, plan, shared_report);
        }
        own_tests::play(plan, shared_report)?;
        if trace {
            drop(progress);
            trace::draw(&targets, plan, shared_report);
        }
        let mut report = lock(shared_report);
        let left = left::of_the_starter(&report, &wanted.sides);
        report.remarks.extend(left);
        Ok(())
    }));
    done.unwrap_or_else(|panic| {
        Err(anyhow!(
            "the check itself failed, which is a mistake of ours: {}",
            run::panic_message(&*panic)
        ))
    })
}

fn explain(id: &str) -> anyhow::Result<()> {
    let known = misconceptions::ALL.iter().find(|one| one.id == id);
    let one = known
        .ok_or_else(|| anyhow!("there is no misconception {id}"))
        .hint(format!(
            "there are: {}",
            misconceptions::ALL
                .iter()
                .map(|one| one.id)
                .collect::<Vec<_>>()
                .join(", ")
        ))?;
    say!("{}: {}.\n\n{}", one.id, one.title, one.text)
}

fn list_exercises() -> anyhow::Result<()> {
    for exercise in exercises::in_order() {
        for role in exercise.roles {
            let remark = if role.remark.is_empty() {
                String::new()
            } else {
                format!(" ({})", role.remark)
            };
            say!(
                "{:22} --{:8} {:2} cases{remark}",
                exercise.name,
                role.kind.name(),
                role.cases.len()
            )?;
        }
    }
    Ok(())
}

/// The cases with what they depend on, for a program that chooses among them.
fn list_as_json<'a>(roles: impl Iterator<Item = &'a Role>, tests: bool) -> anyhow::Result<()> {
    let mut cases = Vec::new();
    for role in roles {
        cases.extend(role.cases.iter().map(|case| {
            json!({
                "role": role.kind.name(),
                "id": case.id,
                "name": case.name,
                "depends_on": case.depends_on,
                "question": Question::of(role.asked(case.id)).name(),
                "sheet": role.asked(case.id).map(|asked| asked.words),
                "weight": sheet::weight(role.asked(case.id)),
            })
        }));
    }
    cases.extend(tests.then(|| {
        json!({
            "role": TESTS,
            "id": own_tests::ID,
            "name": own_tests::NAME,
            "depends_on": [],
            "question": Question::Tests.name(),
            "sheet": null,
            "weight": sheet::weight(None),
        })
    }));
    say!("{}", serde_json::to_string_pretty(&cases)?)
}

/// The cases by the questions that they answer; before
/// those that the sheet asks for stands the part that does.
fn list_cases<'a>(roles: impl Iterator<Item = &'a Role>, tests: bool) -> anyhow::Result<()> {
    let print = |role: &str, id, name| say!("{role:8} {id:22} {name}");
    for role in roles {
        let line = |case: &Case| print(role.kind.name(), case.id, case.name);
        say!("{}", Question::Sheet.words())?;
        for asked in role.sheet {
            say!("  {}", asked.words)?;
            let mut cases = role.cases.iter();
            while let Some(case) = cases.find(|case| asked.cases.contains(&case.id)) {
                line(case)?;
            }
        }
        say!("\n{}", Question::Network.words())?;
        for case in role.cases {
            if role.asked(case.id).is_none() {
                line(case)?;
            }
        }
        say!("")?;
    }
    if tests {
        say!("{}", Question::Tests.words())?;
        print(TESTS, own_tests::ID, own_tests::NAME)?;
        say!("")?;
    }
    Ok(())
}
