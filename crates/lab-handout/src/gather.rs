//! Which files make up a hand-out.
//!
//! They are taken as they are. Two things are made: the README at the top, and a starter's programs
//! without their marked regions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow, ensure};
use lab_core::cargo;
use lab_core::catalog::{Catalog, Exercise, Sheet};
use labnet::Hint;
use serde_json::Value;

use crate::bundle::{Entry, Files};
use crate::checks::{self, Checks};
use crate::feedback;
use crate::kind::Kind;
use crate::readme;
use crate::starter::{self, Language};

/// One of the two licenses is enough for those who receive
/// it, and the shorter one keeps a hand-out small.
const LICENSE: &str = "LICENSE-MIT";

/// What of the workspace's root goes into every hand-out in Rust.
const ROOT_FILES: [&str; 7] = [
    ".cargo/config.toml",
    ".gitignore",
    "Cargo.toml",
    LICENSE,
    "RUST.md",
    "clippy.toml",
    "rustfmt.toml",
];

/// The packages of `cargo lab` that a hand-out with a check carries, with what they depend on.
const LAB: [&str; 2] = ["crates/lab", "crates/lab-check"];

/// What is carried of a package's `tests`: the check's
/// manifest names two of these, which hold the third.
const NAMED_TESTS: [&str; 3] = [
    "crates/lab-check/tests/check-matrix.rs",
    "crates/lab-check/tests/check-tool/main.rs",
    "crates/lab-check/tests/python/mod.rs",
];

/// The workspace that hand-outs are taken from.
#[derive(Debug)]
pub struct Source {
    /// Its exercises.
    pub catalog: Catalog,
    metadata: Value,
    /// Every file that git keeps, with `/`.
    tracked: Vec<String>,
    checks: Checks,
}

impl Source {
    /// Reads the workspace of the current folder.
    ///
    /// # Errors
    ///
    /// When there is none, or it is no git checkout: only what git keeps is handed out.
    pub fn read() -> anyhow::Result<Self> {
        let metadata = serde_json::from_str(&cargo::metadata_text()?)
            .context("cannot understand what cargo metadata printed")?;
        let catalog = Catalog::read()?;
        let output = Command::new("git")
            .args(["ls-files", "-z"])
            .current_dir(&catalog.root)
            .stdin(Stdio::null())
            .output()
            .context("cannot start git")
            .hint("git says which files belong to the workspace: install it")?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(anyhow!(
                "git cannot list the workspace's files: {}",
                errors.trim()
            ))
            .hint("hand-outs are made in a clone: what git does not keep is never handed out");
        }
        let tracked =
            String::from_utf8(output.stdout).context("a file's name is not valid UTF-8")?;
        let tracked: Vec<String> = tracked
            .split_terminator('\0')
            .map(ToString::to_string)
            .collect();
        let mut checks = BTreeMap::new();
        for name in tracked.iter().filter(|name| Checks::is_one(name)) {
            let path = catalog.root.join(name);
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            checks.insert(name.clone(), text);
        }
        Ok(Source {
            catalog,
            metadata,
            tracked,
            checks: Checks::new(checks),
        })
    }

    /// The files of one exercise's hand-out, all but `Cargo.lock`.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or its regions do not fit.
    pub fn files(&self, sheet: &Sheet, exercise: &Exercise, kind: Kind) -> anyhow::Result<Files> {
        let mut files = Files::new();
        let mut tasks = Vec::new();
        let programs: BTreeSet<String> = exercise
            .programs
            .iter()
            .map(|program| program.folder.clone())
            .collect();
        let checks = self.check_of(exercise);
        if kind.check && checks.is_empty() {
            return Err(anyhow!("{} has no check yet", exercise.id))
                .hint("cargo lab check lists the exercises that have one; leave --check out");
        }
        for name in self.names(exercise, &programs, &checks, kind)? {
            let mut entry = self.read_file(name)?;
            let of_the_exercise = programs.iter().any(|folder| is_below(name, folder));
            // Where it is in the hand-out.
            let place = match of_the_exercise && kind.python {
                true => name.strip_prefix("crates/").unwrap_or(name),
                false => name,
            };
            if of_the_exercise
                && let Some(language) = Language::of(name)
                && kind.cuts(language)
            {
                let text = String::from_utf8(entry.bytes)
                    .with_context(|| format!("{name} is not valid UTF-8"))?;
                let (text, its_tasks) =
                    starter::starter(&text, language).with_context(|| name.clone())?;
                entry.bytes = text.into_bytes();
                let its_tasks = its_tasks.into_iter();
                tasks.extend(its_tasks.map(|task| (place.to_string(), task)));
            }
            files.insert(place.to_string(), entry);
        }
        if !kind.solution {
            ensure!(
                !tasks.is_empty(),
                "{} marks nothing as the student's to write: there is no starter of it",
                exercise.id
            );
        }
        // It is at the top, with links that fit there.
        let own = format!("{}/README.md", kind.folder(readme::main_program(exercise)));
        let cases = checks::cases(&self.checks.names(&checks));
        let readme = readme::top(&files, sheet, exercise, kind, &tasks, &cases)?;
        files.remove(&own);
        if kind.has_feedback() {
            files.insert("feedback.py".to_string(), feedback::script(exercise, kind));
        }
        files.insert(
            "README.md".to_string(),
            Entry {
                bytes: readme.into_bytes(),
                executable: false,
            },
        );
        Ok(files)
    }

    /// Whether anything in the exercise's programs is marked as the student's to write.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or its regions do not fit.
    pub fn has_starter(&self, exercise: &Exercise) -> anyhow::Result<bool> {
        for name in &self.tracked {
            let in_it = exercise
                .programs
                .iter()
                .any(|program| is_below(name, &program.folder));
            if !in_it || !name.ends_with(".rs") {
                continue;
            }
            if let Some(language) = Language::of(name) {
                let text = String::from_utf8(self.read_file(name)?.bytes)
                    .with_context(|| format!("{name} is not UTF-8 text"))?;
                let (_, tasks) = starter::starter(&text, language).with_context(|| name.clone())?;
                if !tasks.is_empty() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The files of `cargo lab check` that judge this exercise; empty when there are none.
    pub fn check_of(&self, exercise: &Exercise) -> BTreeSet<String> {
        let packages: Vec<&str> = exercise
            .programs
            .iter()
            .map(|program| program.package.as_str())
            .collect();
        self.checks.of(&packages)
    }

    /// The names under which `cargo lab check` knows the
    /// exercise: its server and its client may have one each.
    pub fn check_names(&self, exercise: &Exercise) -> BTreeSet<String> {
        self.checks.names(&self.check_of(exercise))
    }

    /// The names of the files that belong to the hand-out.
    fn names(
        &self,
        exercise: &Exercise,
        programs: &BTreeSet<String>,
        checks: &BTreeSet<String>,
        kind: Kind,
    ) -> anyhow::Result<impl Iterator<Item = &String>> {
        let mut begin = BTreeSet::new();
        if !kind.python {
            begin.extend(programs.clone());
        }
        if kind.check {
            begin.extend(LAB.map(str::to_string));
        }
        let rust = !begin.is_empty();
        if rust {
            // The root manifest names it as a member.
            begin.insert("tests".to_string());
        }
        let packages = self.closure(begin);
        let tests = self.listed("common-tests");
        let unused = self.unused_modules(exercise, kind)?;
        let described = format!("{}/README.md", readme::main_program(exercise).folder);
        let names = self.tracked.iter().filter(move |name| {
            let below = |folders: &BTreeSet<String>| folders.iter().any(|f| is_below(name, f));
            if ROOT_FILES.contains(&name.as_str()) {
                return rust || *name == LICENSE;
            }
            if below(programs) {
                return !kind.python || name.ends_with(".py") || **name == described;
            }
            match name
                .strip_prefix("tests/tests/")
                .and_then(|test| test.strip_suffix(".rs"))
            {
                Some(test) => {
                    // Those of all exercises are named in a manifest, so they are always there.
                    let of_the_exercise = test.strip_prefix("exercises/") == Some(&*exercise.id);
                    (rust && tests.contains(&test)) || (of_the_exercise && !kind.python)
                }
                // A library's own tests, examples and guides are not the student's concern.
                None if is_aside(name) => false,
                None if unused.contains(name) => false,
                None if Checks::is_one(name) && !checks.contains(*name) => false,
                None => below(&packages),
            }
        });
        Ok(names)
    }

    /// A list in `[package.metadata.handout]` of `tests/Cargo.toml`.
    fn listed(&self, key: &str) -> Vec<&str> {
        let packages = self.metadata["packages"].as_array();
        packages
            .into_iter()
            .flatten()
            .filter_map(|package| package["metadata"]["handout"][key].as_array())
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// The harness's modules that this exercise's tests do not use.
    ///
    /// # Errors
    ///
    /// When the exercise's tests cannot be read.
    fn unused_modules(&self, exercise: &Exercise, kind: Kind) -> anyhow::Result<Vec<String>> {
        let name = format!("tests/tests/exercises/{}.rs", exercise.id);
        let tests = match self.tracked.contains(&name) {
            // Without the exercise's tests there is nothing that could use them.
            _ if kind.python => String::new(),
            true => String::from_utf8_lossy(&self.read_file(&name)?.bytes).into_owned(),
            false => return Ok(Vec::new()),
        };
        let unused = self
            .listed("optional")
            .into_iter()
            .filter(|module| !tests.contains(module));
        Ok(unused
            .map(|module| format!("tests/src/{module}.rs"))
            .collect())
    }

    /// The folders of the packages that these need, themselves among them.
    fn closure(&self, mut folders: BTreeSet<String>) -> BTreeSet<String> {
        let root = &self.catalog.root;
        loop {
            let mut more = BTreeSet::new();
            for package in self.metadata["packages"].as_array().into_iter().flatten() {
                let manifest = package["manifest_path"].as_str().unwrap_or_default();
                let folder = folder_of(Path::new(manifest).parent(), root);
                if !folders.contains(&folder) {
                    continue;
                }
                for dependency in package["dependencies"].as_array().into_iter().flatten() {
                    if let Some(path) = dependency["path"].as_str() {
                        more.insert(folder_of(Some(Path::new(path)), root));
                    }
                }
            }
            let before = folders.len();
            folders.extend(more);
            if folders.len() == before {
                return folders;
            }
        }
    }

    fn read_file(&self, name: &str) -> anyhow::Result<Entry> {
        let path = self.catalog.root.join(name);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        // The first line of a script says so on every system.
        let executable = bytes.starts_with(b"#!/");
        Ok(Entry { bytes, executable })
    }
}

/// Whether a carried package's file is its test, example or description,
/// `crates/labnet/tests/frames.rs`.
fn is_aside(name: &str) -> bool {
    let part = name.split('/').nth(2).unwrap_or_default();
    !NAMED_TESTS.contains(&name)
        && name.starts_with("crates/")
        && (["tests", "examples", "fuzz", "gallery"].contains(&part)
            || Path::new(part).extension().is_some_and(|end| end == "md"))
}

fn is_below(name: &str, folder: &str) -> bool {
    name.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// A folder from the root, with `/`.
fn folder_of(folder: Option<&Path>, root: &Path) -> String {
    let folder = folder
        .and_then(|folder| folder.strip_prefix(root).ok())
        .unwrap_or(Path::new(""));
    let parts: Vec<_> = folder
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}
