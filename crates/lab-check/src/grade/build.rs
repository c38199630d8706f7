//! What has to be done before a submission runs: `--build "javac {file}"`, in its folder.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, anyhow};
use lab_judge::report::without_folder;

use super::children::hear;
use super::submissions::program;

/// How long a build may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many lines of what a compiler says are shown: the first are about the first mistake.
const MOST_LINES: usize = 30;

/// How a build ended.
pub(super) enum Built {
    /// The program can run.
    Done,
    /// It cannot, and what the compiler says.
    Failed(String),
}

/// Commands with `{file}` for the program of a side, and `{name}` for its name without the ending.
/// It is looked for once, before anything is built: a build may put others next to it.
pub(super) fn with_file(
    commands: &[&str],
    folder: &Path,
    side: &str,
) -> anyhow::Result<Vec<String>> {
    let needed = |command: &&str| command.contains("{file}") || command.contains("{name}");
    if !commands.iter().any(needed) {
        return Ok(commands.iter().map(ToString::to_string).collect());
    }
    let file = program(folder, side)?;
    let word = |part: Option<&std::ffi::OsStr>| {
        let part = part.unwrap_or_default().to_string_lossy().into_owned();
        shell_words::quote(&part).into_owned()
    };
    let (file, name) = (word(file.file_name()), word(file.file_stem()));
    let filled = |command: &&str| command.replace("{file}", &file).replace("{name}", &name);
    Ok(commands.iter().map(filled).collect())
}

/// Builds a submission in its folder.
pub(super) fn build(command: &str, folder: &Path) -> anyhow::Result<Built> {
    let words = shell_words::split(command)
        .with_context(|| format!("cannot read the command {command}"))?;
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| anyhow!("--build is empty"))?;
    let dir = folder.to_string_lossy();
    let arguments = arguments.iter().map(|word| word.replace("{dir}", &dir));
    let mut build = Command::new(program.replace("{dir}", &dir));
    build.args(arguments).current_dir(folder);
    let done = hear(&mut build, PATIENCE).with_context(|| format!("cannot run {command}"))?;
    Ok(match done.success() {
        true => Built::Done,
        false => {
            let said = without_folder(&dir, &done.said());
            let lines: Vec<&str> = said.lines().take(MOST_LINES).collect();
            Built::Failed(lines.join("\n"))
        }
    })
}
