//! `cargo lab handout`: an exercise as a folder of its own that builds, runs and is tested.
//!
//! | module | holds |
//! |---|---|
//! | [`gather`] | which files belong to a hand-out |
//! | [`cut`] | what a carried library or command leaves behind |
//! | [`starter`] | from the full program to the student's: marked parts are taken out |
//! | [`readme`] | the README at the top |
//! | [`cargo_files`] | the lock file cut to size, the crates for a room without a network |
//! | [`bundle`] | the files as a folder, a `.zip`, a `.tar.gz`: the same files, the same bytes |

mod bundle;
mod cargo_files;
mod cut;
mod gather;
mod readme;
mod starter;

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use argh::{ArgsInfo, FromArgs};
use lab::catalogue::{Exercise, Sheet};
use labnet::{Hint, note, say};

use crate::bundle::{Files, Target};
use crate::gather::{Kind, Source};

/// Makes a folder or an archive of one exercise: all that a student needs, and nothing else.
///
/// Only files that git keeps are handed out, as they are in the working tree.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "cargo lab handout dsd-sum --out ~/dsd-sum",
    example = "cargo lab handout dsd-sum --python --out dsd-sum.zip",
    example = "cargo lab handout --sheet cmpu --solution --out solutions/",
    example = "cargo lab handout --all --out dist/"
)]
struct Args {
    /// the exercise, as cargo lab list shows it
    #[argh(positional)]
    exercise: Option<String>,
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
    /// with all crates it needs, to be built without a network
    #[argh(switch)]
    offline: bool,
}

fn main() -> labnet::Exit {
    let args: Args = labnet::args_as("cargo lab handout")?;
    if args.starter && args.solution {
        return Err(anyhow!("--starter and --solution exclude each other")).hint("choose one")?;
    }
    if args.python && args.offline && !args.check {
        return Err(anyhow!("--python and --offline exclude each other"))
            .hint("the Python programs need no crates; only their --check does")?;
    }
    let kind = Kind {
        python: args.python,
        solution: args.solution,
        check: args.check,
    };
    let source = Source::read()?;
    let catalogue = &source.catalogue;
    let pairs = || {
        let sheets = catalogue.sheets.iter();
        sheets.flat_map(|sheet| {
            sheet
                .exercises
                .iter()
                .map(move |exercise| (sheet, exercise))
        })
    };
    match (&args.exercise, args.all, &args.sheet) {
        (Some(name), false, None) => {
            let wanted = &catalogue.exercise(name)?.id;
            for (sheet, exercise) in pairs().filter(|(_, exercise)| exercise.id == *wanted) {
                let target = Target::of(&args.out)?;
                hand_out(&source, sheet, exercise, kind, args.offline, &target)?;
            }
        }
        (None, true, None) => several(&source, pairs(), kind, args.offline, &args.out)?,
        (None, false, Some(id)) => {
            let id = &catalogue.sheet(id)?.id;
            let pairs = pairs().filter(|(sheet, _)| sheet.id == *id);
            several(&source, pairs, kind, args.offline, &args.out)?;
        }
        _ => {
            return Err(anyhow!("name one exercise, or --sheet ID, or --all"))
                .hint("cargo lab list shows the exercises")?;
        }
    }
    Ok(())
}

/// One `.zip` for each exercise; those that have no such kind are left out, and said.
fn several<'a>(
    source: &Source,
    pairs: impl Iterator<Item = (&'a Sheet, &'a Exercise)>,
    kind: Kind,
    offline: bool,
    folder: &Path,
) -> anyhow::Result<()> {
    for (sheet, exercise) in pairs {
        let target = Target::of(&folder.join(format!("{}.zip", exercise.id)))?;
        if !kind.solution && !source.has_starter(exercise)? {
            note!(
                "{} has no starter: it is handed out with --solution only",
                exercise.id
            );
            continue;
        }
        let mut kind = kind;
        if kind.check && source.check_of(exercise).is_empty() {
            note!("{} has no check yet: it is handed out without", exercise.id);
            kind.check = false;
        }
        hand_out(source, sheet, exercise, kind, offline, &target)?;
    }
    Ok(())
}

fn hand_out(
    source: &Source,
    sheet: &Sheet,
    exercise: &Exercise,
    kind: Kind,
    offline: bool,
    target: &Target,
) -> anyhow::Result<()> {
    let mut files: Files = source.files(sheet, exercise, kind)?;
    if !kind.python || kind.check {
        cargo_files::add(&mut files, source, offline)?;
    }
    target.write(&files)?;
    let bytes: usize = files.values().map(|entry| entry.bytes.len()).sum();
    let what = if kind.solution { "solution" } else { "starter" };
    say!(
        "{}: the {what} of {}, {} files, {} KiB unpacked",
        target.path().display(),
        exercise.id,
        files.len(),
        bytes.div_ceil(1024)
    )
}
