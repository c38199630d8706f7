//! `cargo lab handout`: an exercise as its own folder that builds, runs and is tested.
//!
//! | module | holds |
//! |---|---|
//! | [`gather`] | which files belong to a hand-out |
//! | [`checks`] | the exercises of `cargo lab check` |
//! | [`kind`] | what is handed out: Rust or Python, starter or solution, with a check or without |
//! | [`starter`] | from the full program to the student's: marked parts are taken out |
//! | [`calls`] | the calls that a starter's steps need, in both languages, with their documentation |
//! | [`platform`] | the files with which a grading platform runs the check |
//! | [`feedback`] | the script that a hand-out in Python has for want of a check |
//! | [`readme`] | the README at the top |
//! | [`links`] | where the links of a README lead that moves to the top |
//! | [`cargo_files`] | the lock file cut to size, the crates for a room without a network |
//! | [`vendor`] | those crates without what no student's machine needs |
//! | [`bundle`] | the files as a folder, a `.zip`, a `.tar.gz`: the same files, the same bytes |

mod bundle;
mod calls;
mod cargo_files;
mod checks;
mod feedback;
mod gather;
mod kind;
mod links;
mod platform;
mod readme;
mod starter;
mod vendor;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use anyhow::anyhow;
use argh::{ArgsInfo, FromArgs};
use lab_core::catalog::{Exercise, Sheet};
use lab_core::process;
use labnet::{Hint, lock, log, say};

use crate::bundle::{Files, Target};
use crate::gather::Source;
use crate::kind::Kind;
use crate::platform::Platform;

/// Makes a folder or an archive of one exercise: all that a student needs, and nothing else.
///
/// Only files that git keeps are handed out, as they are in the working tree.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "cargo lab handout dsd-sum --out ~/dsd-sum",
    example = "cargo lab handout dsd-sum --check --out dsd-sum.zip",
    example = "cargo lab handout dsd-sum --python --out dsd-sum-python.zip",
    example = "cargo lab handout dsd-sum --with-results gradescope --out autograder.zip",
    example = "cargo lab handout dsd-sum codio-echo --out dist/",
    example = "cargo lab handout --sheet cmpu --solution --out solutions/",
    example = "cargo lab handout --all --out dist/"
)]
struct Args {
    /// the exercise, as cargo lab list shows it; several are each a .zip in the folder --out
    #[argh(positional)]
    exercises: Vec<String>,
    /// every exercise, each as a .zip in the folder --out
    #[argh(switch)]
    all: bool,
    /// every exercise of this sheet, each as a .zip in the folder --out
    #[argh(option)]
    sheet: Option<String>,
    /// where to: a folder, or a name that ends in .zip or .tar.gz
    #[argh(option)]
    out: PathBuf,
    /// without the parts that are the student's to write (this is the default)
    #[argh(switch)]
    starter: bool,
    /// everything as it is
    #[argh(switch)]
    solution: bool,
    /// the Python programs alone
    #[argh(switch)]
    python: bool,
    /// with cargo lab check for the exercise
    #[argh(switch)]
    check: bool,
    /// for the instructor: the starter with its check, and
    /// what gradescope or classroom50 needs to grade with it
    #[argh(option, from_str_fn(Platform::parse))]
    with_results: Option<Platform>,
    /// with all crates it needs, to be built without a network
    #[argh(switch)]
    offline: bool,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args_as("cargo lab handout")?;
    process::stop_at_signals()?;
    let order = Order::of(&args)?;
    let source = Source::read()?;
    let catalog = &source.catalog;
    let pairs = || {
        let sheets = catalog.sheets.iter();
        sheets.flat_map(|sheet| {
            sheet
                .exercises
                .iter()
                .map(move |exercise| (sheet, exercise))
        })
    };
    match (&args.exercises[..], args.all, &args.sheet) {
        ([name], false, None) => {
            let wanted = &catalog.exercise(name)?.id;
            let target = Target::of(&args.out)?;
            for (sheet, exercise) in pairs().filter(|(_, exercise)| exercise.id == *wanted) {
                say!("{}", order.make(&source, sheet, exercise, &target)?)?;
            }
        }
        ([_, ..], false, None) => {
            let mut wanted = Vec::new();
            for name in &args.exercises {
                wanted.push(&catalog.exercise(name)?.id);
            }
            let pairs = pairs().filter(|(_, exercise)| wanted.contains(&&exercise.id));
            several(&source, pairs, order, &args.out)?;
        }
        ([], true, None) => several(&source, pairs(), order, &args.out)?,
        ([], false, Some(id)) => {
            let id = &catalog.sheet(id)?.id;
            let pairs = pairs().filter(|(sheet, _)| sheet.id == *id);
            several(&source, pairs, order, &args.out)?;
        }
        _ => {
            return Err(anyhow!("name exercises, or --sheet ID, or --all"))
                .hint("cargo lab list shows the exercises")?;
        }
    }
    Ok(())
}

/// One `.zip` for each exercise; those that have no such kind are left out, and said.
fn several<'a>(
    source: &Source,
    pairs: impl Iterator<Item = (&'a Sheet, &'a Exercise)>,
    order: Order,
    folder: &Path,
) -> anyhow::Result<()> {
    if !matches!(Target::of(folder)?, Target::Folder(_)) {
        return Err(anyhow!(
            "several hand-outs need a folder, not {}",
            folder.display()
        ))
        .hint("each is a .zip in the folder that --out names: --out dist/");
    }
    let mut orders = Vec::new();
    for (sheet, exercise) in pairs {
        let id = &exercise.id;
        if !order.kind.solution && !source.has_starter(exercise)? {
            log!("{id} has no starter: it is handed out with --solution only");
            continue;
        }
        let mut order = order;
        if order.kind.check && source.check_of(exercise).is_empty() {
            if order.platform.is_some() {
                log!("{id} has no check yet: there is nothing to grade with, and no hand-out");
                continue;
            }
            log!("{id} has no check yet: it is handed out without");
            order.kind.check = false;
        }
        let target = Target::of(&folder.join(format!("{id}.zip")))?;
        // All are looked at before the first is made.
        target.is_free()?;
        orders.push((order, sheet, exercise, target));
    }
    let next = Mutex::new(orders.iter().enumerate());
    let made = Mutex::new(Vec::new());
    let lanes = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                loop {
                    let taken = lock(&next).next();
                    let Some((number, (order, sheet, exercise, target))) = taken else {
                        return;
                    };
                    let said = order.make(source, sheet, exercise, target);
                    lock(&made).push((number, said));
                }
            });
        }
    });
    let mut made = std::mem::take(&mut *lock(&made));
    made.sort_by_key(|(number, _)| *number);
    for (_, said) in made {
        say!("{}", said?)?;
    }
    Ok(())
}

/// What the user wants of each exercise.
#[derive(Debug, Clone, Copy)]
struct Order {
    kind: Kind,
    platform: Option<Platform>,
}

impl Order {
    fn of(args: &Args) -> anyhow::Result<Self> {
        let check = args.check || args.with_results.is_some();
        for (both, excluded, hint) in [
            (
                args.starter && args.solution,
                "--starter and --solution",
                "choose one",
            ),
            (
                args.with_results.is_some() && args.solution,
                "--with-results and --solution",
                "what students hand in takes the starter's place: leave --solution out",
            ),
            (
                args.python && args.offline && !check,
                "--python and --offline",
                "the Python programs need no crates; only their --check does",
            ),
        ] {
            if both {
                return Err(anyhow!("{excluded} exclude each other")).hint(hint);
            }
        }
        Ok(Order {
            kind: Kind {
                python: args.python,
                solution: args.solution,
                check,
                offline: args.offline,
            },
            platform: args.with_results,
        })
    }

    /// Makes the hand-out of one exercise, and says what it has made.
    fn make(
        self,
        source: &Source,
        sheet: &Sheet,
        exercise: &Exercise,
        target: &Target,
    ) -> anyhow::Result<String> {
        target.is_free()?;
        let mut files: Files = source.files(sheet, exercise, self.kind)?;
        let mut target = target.clone();
        if let Some(platform) = self.platform {
            let checks = source.check_names(exercise);
            platform::add(&mut files, platform, exercise, self.kind, &checks)?;
            target = target.flat();
        }
        if !self.kind.python || self.kind.check {
            cargo_files::add(&mut files, source, self.kind.offline)?;
        }
        target.write(&files)?;
        let bytes: usize = files.values().map(|entry| entry.bytes.len()).sum();
        let what = match (self.platform, self.kind.solution) {
            (Some(_), _) => "autograder",
            (None, true) => "solution",
            (None, false) => "starter",
        };
        Ok(format!(
            "{}: the {what} of {}, {} files, {} KiB unpacked",
            target.path().display(),
            exercise.id,
            files.len(),
            bytes.div_ceil(1024)
        ))
    }
}
