//! What the user has answered in `cargo lab predict`, in a file that is the user's own.
//!
//! It is no part of the workspace: `cargo clean` and a new clone leave it as it is, and it cannot
//! come into a commit. The place is that of the XDG Base Directory Specification for what a program
//! keeps from one start to the next.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use lab_core::staging::StagingDir;
use labnet::Hint;

const FILE: &str = "predict.json";

/// The answers to the questions of an exercise, by the names of the questions.
pub type OfExercise = BTreeMap<String, String>;

/// The file, as JSON: `{"dsd-eof": {"cut": "4, 4, 0"}}`.
#[derive(Debug)]
pub struct Answers {
    file: PathBuf,
}

impl Answers {
    /// The user's own file, which need not be there yet.
    ///
    /// # Errors
    ///
    /// When no folder for it is named.
    pub fn of_user() -> anyhow::Result<Self> {
        let folder = folder(env::var_os("XDG_STATE_HOME"), env::var_os("HOME"));
        let folder = folder
            .ok_or_else(|| anyhow!("cannot tell where your answers are kept"))
            .hint("set HOME to your folder")?;
        Ok(Answers {
            file: folder.join("cargo-lab").join(FILE),
        })
    }

    /// Where it is.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The answers about an exercise.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or understood. It stays as it is.
    pub fn of(&self, exercise: &str) -> anyhow::Result<OfExercise> {
        Ok(self.read()?.remove(exercise).unwrap_or_default())
    }

    /// Keeps an answer, in the place of an older one.
    ///
    /// # Errors
    ///
    /// When the file cannot be understood or written. It then stays as it is.
    pub fn keep(&self, exercise: &str, question: &str, answer: &str) -> anyhow::Result<()> {
        // Another terminal may have kept some meanwhile.
        let mut all = self.read()?;
        let of_exercise = all.entry(exercise.to_string()).or_default();
        of_exercise.insert(question.to_string(), answer.to_string());
        self.write(&all)
    }

    /// Forgets the answers about an exercise.
    ///
    /// # Errors
    ///
    /// As [`Answers::keep`].
    pub fn forget(&self, exercise: &str) -> anyhow::Result<()> {
        let mut all = self.read()?;
        match all.remove(exercise) {
            Some(_) => self.write(&all),
            None => Ok(()),
        }
    }

    fn read(&self) -> anyhow::Result<BTreeMap<String, OfExercise>> {
        let shown = self.file.display();
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {shown}")),
        };
        serde_json::from_str(&text)
            .with_context(|| format!("cannot understand your answers in {shown}"))
            .hint("repair the file, or move it away: then every question is asked again")
    }

    /// Writes the file next to its place and moves it there with one step.
    fn write(&self, all: &BTreeMap<String, OfExercise>) -> anyhow::Result<()> {
        let mut text = serde_json::to_string_pretty(all).context("cannot write the answers")?;
        text.push('\n');
        let write = || -> io::Result<()> {
            let folder = self.file.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder)?;
            let staging = folder.join(format!(".{}", std::process::id()));
            let staging = StagingDir::new(staging)?;
            staging.write(FILE, text.as_bytes())?;
            staging.give(FILE, &self.file)
        };
        write()
            .with_context(|| format!("cannot keep your answers in {}", self.file.display()))
            .hint("may you write there? XDG_STATE_HOME names another folder")
    }
}

/// The folder for what programs of this user keep. A relative path is not valid there.
fn folder(state: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let home = || home.and_then(absolute);
    let state = state.and_then(absolute);
    state.or_else(|| Some(home()?.join(".local/state")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_folder(folder: &Path) -> Answers {
        Answers {
            file: folder.join("new/predict.json"),
        }
    }

    #[test]
    fn answers_are_kept_replaced_and_forgotten_for_each_exercise() {
        let around = tempfile::tempdir().unwrap();
        let answers = in_folder(around.path());
        assert!(answers.of("dsd-eof").unwrap().is_empty());
        answers.forget("dsd-eof").unwrap();
        assert!(!answers.file().exists());
        answers.keep("dsd-eof", "cut", "9").unwrap();
        answers.keep("dsd-eof", "cut", "4, \"4\"").unwrap();
        answers.keep("dsd-sum", "cut", "1").unwrap();
        // Another start of the program.
        let again = in_folder(around.path());
        assert_eq!(again.of("dsd-eof").unwrap()["cut"], "4, \"4\"");
        again.forget("dsd-eof").unwrap();
        assert!(answers.of("dsd-eof").unwrap().is_empty());
        assert_eq!(answers.of("dsd-sum").unwrap()["cut"], "1");
        // Nothing is left next to the file.
        assert_eq!(fs::read_dir(around.path().join("new")).unwrap().count(), 1);
    }

    #[test]
    fn a_broken_file_is_told_and_stays_as_it_is() {
        let around = tempfile::tempdir().unwrap();
        let answers = in_folder(around.path());
        answers.keep("dsd-sum", "cut", "1").unwrap();
        let whole = fs::read_to_string(answers.file()).unwrap();
        let half = &whole[..whole.len() - 4];
        fs::write(answers.file(), half).unwrap();
        for error in [
            answers.of("dsd-sum").unwrap_err(),
            answers.keep("dsd-eof", "cut", "9").unwrap_err(),
            answers.forget("dsd-sum").unwrap_err(),
        ] {
            let told = format!("{error:#}");
            assert!(told.contains("cannot understand your answers in"), "{told}");
            assert!(told.contains("predict.json"), "{told}");
        }
        assert_eq!(fs::read_to_string(answers.file()).unwrap(), half);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_told() {
        let around = tempfile::tempdir().unwrap();
        fs::write(around.path().join("new"), "a file, and no folder").unwrap();
        let error = in_folder(around.path())
            .keep("dsd-eof", "cut", "9")
            .unwrap_err();
        let told = format!("{error:#}");
        assert!(told.contains("predict.json"), "{told}");
    }

    #[test]
    fn the_folder_is_that_of_the_specification() {
        let folder = |state: &str, home: &str| {
            let some = |text: &str| (!text.is_empty()).then(|| OsString::from(text));
            folder(some(state), some(home))
        };
        assert_eq!(folder("/state", "/home/a"), Some("/state".into()));
        assert_eq!(folder("", "/home/a"), Some("/home/a/.local/state".into()));
        assert_eq!(
            folder("state", "/home/a"),
            Some("/home/a/.local/state".into())
        );
        assert_eq!(folder("", ""), None);
    }
}
