//! `--with-results`: the files with which a grading
//! platform runs the check, and reads what it found.
//!
//! They stand in `platform/` as they are handed out. `grade.py` does
//! the work, for both platforms; the others are what each one starts.
//! Both formats and folders are those of the platforms' own documents:
//! <https://gradescope-autograders.readthedocs.io/en/latest/specs/> and
//! <https://github.com/foundation50/classroom50/wiki/Advanced-Autograding>.

use std::collections::BTreeSet;

use anyhow::ensure;
use lab_core::catalog::{Exercise, Program};
use serde_json::json;

use crate::bundle::{Entry, Files};
use crate::kind::Kind;

/// Where submissions are handed in and graded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// gradescope.com
    Gradescope,
    /// github.com/foundation50/classroom50
    Classroom50,
}

impl Platform {
    /// Reads a platform's name, for argh.
    ///
    /// # Errors
    ///
    /// Lists the names.
    pub fn parse(name: &str) -> Result<Self, String> {
        match name {
            "gradescope" => Ok(Platform::Gradescope),
            "classroom50" => Ok(Platform::Classroom50),
            _ => Err("the platforms are gradescope and classroom50".to_string()),
        }
    }

    /// The files it starts, and what they are made of.
    fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Platform::Gradescope => &[
                ("setup.sh", include_str!("platform/setup.sh")),
                ("run_autograder", include_str!("platform/run_autograder")),
            ],
            Platform::Classroom50 => &[
                ("autograder.py", include_str!("platform/autograder.py")),
                // The assignment's runtime block: `gh teacher
                // assignment add --runtime runtime.json`.
                ("runtime.json", "{ \"rust\": \"stable\" }\n"),
            ],
        }
    }
}

/// Adds the platform's files. `checks` are the names
/// under which `cargo lab check` knows the exercise.
///
/// # Errors
///
/// When a name is taken by a file of the hand-out.
pub fn add(
    files: &mut Files,
    platform: Platform,
    exercise: &Exercise,
    kind: Kind,
    checks: &BTreeSet<String>,
) -> anyhow::Result<()> {
    let file = |program: &Program| kind.source(program);
    let programs: Vec<serde_json::Value> = exercise
        .programs
        .iter()
        .map(|program| {
            json!({
                "package": program.package,
                "role": program.role.name(),
                "file": file(program),
                "names": sheet_name(program, kind),
            })
        })
        .collect();
    let settings = json!({
        "language": if kind.python { "python" } else { "rust" },
        "checks": checks,
        "programs": programs,
    });
    let mut own = vec![
        (
            "README.md",
            readme(
                platform,
                exercise,
                &exercise.programs.iter().map(file).collect::<Vec<_>>(),
            ),
        ),
        ("grade.json", format!("{settings:#}\n")),
        ("grade.py", include_str!("platform/grade.py").to_string()),
    ];
    let its = platform.files().iter();
    own.extend(its.map(|(name, text)| (*name, (*text).to_string())));
    // The student's description of the exercise is not the instructor's of the autograder, and
    // points are for cases of the check alone.
    files.remove("README.md");
    files.remove(&format!("tests/tests/exercises/{}.rs", exercise.id));
    for (name, text) in own {
        let executable = text.starts_with("#!/");
        let bytes = text.into_bytes();
        let before = files.insert(name.to_string(), Entry { bytes, executable });
        ensure!(before.is_none(), "the hand-out has its own file {name}");
    }
    Ok(())
}

/// The sheet's own name for a program's file, where it has one.
fn sheet_name(program: &Program, kind: Kind) -> Vec<&str> {
    let is_file = kind.python && program.python.ends_with(".py") && !program.python.contains(' ');
    is_file
        .then_some(program.python.as_str())
        .into_iter()
        .collect()
}

/// What the instructor has to know.
fn readme(platform: Platform, exercise: &Exercise, files: &[String]) -> String {
    let id = &exercise.id;
    let (title, upload) = match platform {
        Platform::Gradescope => (
            "Gradescope",
            "Upload this archive as the assignment's autograder: `setup.sh` and `run_autograder` stand at its top, as Gradescope \
             wants it. (Made as a folder, zip what is in it, not the folder.) The image takes Ubuntu's packages, Rust and the crates \
             from the network while it is built; a submission needs none.",
        ),
        Platform::Classroom50 => (
            "classroom50",
            "Put these files into `CLASSROOM/autograders/ASSIGNMENT/` of your `classroom50` repository, and give the assignment its \
             toolchain with `gh teacher assignment add --runtime runtime.json`. The check is built for each submission, which takes \
             about a minute. Who finds the published page can read the files: the solution is not among them.",
        ),
    };
    let listed: String = files.iter().map(|file| format!("- `{file}`\n")).collect();
    format!(
        "# {id} on {title}\n\n{upload}\n\n\
         Students hand in\n\n{listed}\n\
         in these folders (a zip, a repository), or under the names of the sides, `server` or `client`, with the language's ending. \
         Nothing else of a submission is used.\n\n\
         Each case of `cargo lab check {id}` is a point. A program that is missing or does not compile loses the points of its \
         side, and is told why. `grade.py` does the work; `grade.json` says what there is to grade.\n\n\
         It is not a sandbox: the programs run with the autograder's rights, inside the platform's container.\n"
    )
}
