//! Which files make up a hand-out: a subset of this workspace, and nothing of it rewritten that need not be.

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
use crate::cut::{self, Checks};
use crate::readme;
use crate::starter::{self, Language};

/// One of the two licenses is enough for those who receive it, and the shorter one keeps a hand-out small.
const LICENSE: &str = "LICENSE-MIT";

/// What of the workspace's root goes into every hand-out in Rust.
const ROOT_FILES: [&str; 6] = [
    ".cargo/config.toml",
    ".gitignore",
    "Cargo.toml",
    LICENSE,
    "clippy.toml",
    "rustfmt.toml",
];

/// The packages of `cargo lab` that a hand-out with a check carries, with what they depend on.
const LAB: [&str; 2] = ["crates/lab", "crates/lab-check"];

/// What the root manifest says of its members, and what it has to say where the twins' folders hold no package.
const MEMBERS: &str = "members = [\"crates/*\", \"tests\"]\n";
const PYTHON_MEMBERS: &str = "members = [\"crates/lab*\"]\n";

/// What is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The twins alone, for a course in Python.
    pub python: bool,
    /// Everything as it is, instead of without the student's part.
    pub solution: bool,
    /// With `cargo lab` and the exercise's check.
    pub check: bool,
}

impl Kind {
    /// Whether the student's part is taken out of files in this language.
    ///
    /// In a course in Rust the Python twin stays whole: it is what the student reads beside their own program.
    fn cuts(self, language: Language) -> bool {
        !self.solution && (self.python || language != Language::Python)
    }
}

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
        let tracked = String::from_utf8(output.stdout).context("a file's name is no UTF-8")?;
        let tracked: Vec<String> = tracked
            .split_terminator('\0')
            .map(ToString::to_string)
            .collect();
        let mut checks = BTreeMap::new();
        for name in &tracked {
            if let Some(module) = name.strip_prefix(cut::CHECKS) {
                let path = catalog.root.join(name);
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                checks.insert(module.to_string(), text);
            }
        }
        Ok(Source {
            catalog,
            metadata,
            tracked,
            checks: Checks::read(checks)?,
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
        let modules = self.check_of(exercise);
        if kind.check && modules.is_empty() {
            return Err(anyhow!("{} has no check yet", exercise.id))
                .hint("cargo lab check lists the exercises that have one; leave --check out");
        }
        for name in self.names(exercise, &programs, &modules, kind)? {
            let mut entry = self.read_file(name)?;
            let of_the_exercise = programs.iter().any(|folder| is_below(name, folder));
            let text = |bytes| {
                String::from_utf8(bytes).with_context(|| format!("{name} is no UTF-8 text"))
            };
            if kind.python && name.ends_with(".md") {
                entry.bytes =
                    readme::in_python(&text(entry.bytes)?, &exercise.programs).into_bytes();
            }
            if of_the_exercise {
                if let Some(language) = Language::of(name)
                    && kind.cuts(language)
                {
                    let (text, its_tasks) = starter::starter(&text(entry.bytes)?, language)
                        .with_context(|| name.clone())?;
                    entry.bytes = text.into_bytes();
                    tasks.extend(its_tasks.into_iter().map(|task| (name.clone(), task)));
                }
            } else if name.starts_with("crates/") {
                let text = text(entry.bytes)?;
                let mut text = cut::carried(&text, name).with_context(|| name.clone())?;
                if name.strip_prefix(cut::CHECKS) == Some("mod.rs") {
                    text = Checks::register(&text, &modules);
                }
                entry.bytes = text.into_bytes();
            } else if kind.python && name == "Cargo.toml" {
                let text = text(entry.bytes)?;
                ensure!(
                    text.matches(MEMBERS).count() == 1,
                    "the root Cargo.toml does not say {}",
                    MEMBERS.trim_end()
                );
                entry.bytes = text.replace(MEMBERS, PYTHON_MEMBERS).into_bytes();
            }
            files.insert(name.clone(), entry);
        }
        if !kind.solution {
            ensure!(
                !tasks.is_empty(),
                "{} marks nothing as the student's to write: there is no starter of it",
                exercise.id
            );
        }
        // It stands at the top, with links that fit there.
        let own = format!("{}/README.md", readme::main_program(exercise).folder);
        let readme = readme::top(&files, sheet, exercise, kind, &tasks)?;
        files.remove(&own);
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
                    .with_context(|| format!("{name} is no UTF-8 text"))?;
                let (_, tasks) = starter::starter(&text, language).with_context(|| name.clone())?;
                if !tasks.is_empty() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The modules of `cargo lab check` that judge this exercise; empty when there are none.
    pub fn check_of(&self, exercise: &Exercise) -> BTreeSet<String> {
        let packages: Vec<&str> = exercise
            .programs
            .iter()
            .map(|program| program.package.as_str())
            .collect();
        self.checks.of(&packages)
    }

    /// The names under which `cargo lab check` knows the exercise: its server and its client may have one each.
    pub fn check_names(&self, exercise: &Exercise) -> BTreeSet<String> {
        self.checks.names(&self.check_of(exercise))
    }

    /// The names of the files that belong to the hand-out.
    fn names(
        &self,
        exercise: &Exercise,
        programs: &BTreeSet<String>,
        modules: &BTreeSet<String>,
        kind: Kind,
    ) -> anyhow::Result<impl Iterator<Item = &String>> {
        let mut begin = BTreeSet::new();
        if !kind.python {
            begin.extend(programs.clone());
            begin.insert("tests".to_string());
        }
        if kind.check {
            begin.extend(LAB.map(str::to_string));
        }
        let rust = !begin.is_empty();
        let packages = self.closure(begin);
        let tests = self.listed("common-tests");
        let unused = self.unused_modules(exercise)?;
        let other_checks: BTreeSet<String> = self
            .checks
            .all()
            .filter(|module| !modules.contains(*module))
            .map(|module| format!("{}{module}.rs", cut::CHECKS))
            .collect();
        let names = self.tracked.iter().filter(move |name| {
            let below = |folders: &BTreeSet<String>| folders.iter().any(|f| is_below(name, f));
            if ROOT_FILES.contains(&name.as_str()) {
                return rust || *name == LICENSE;
            }
            if below(programs) {
                return !kind.python || name.ends_with(".py") || name.ends_with(".md");
            }
            match name
                .strip_prefix("tests/tests/")
                .and_then(|test| test.strip_suffix(".rs"))
            {
                Some(test) => {
                    let of_the_exercise = test.strip_prefix("exercises/") == Some(&*exercise.id);
                    !kind.python && (of_the_exercise || tests.contains(&test))
                }
                // A library's own tests, examples and README are not the student's concern.
                None if is_aside(name) => false,
                None if unused.contains(name) || other_checks.contains(*name) => false,
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
    fn unused_modules(&self, exercise: &Exercise) -> anyhow::Result<Vec<String>> {
        let name = format!("tests/tests/exercises/{}.rs", exercise.id);
        if !self.tracked.contains(&name) {
            return Ok(Vec::new());
        }
        let tests = self.read_file(&name)?;
        let tests = String::from_utf8_lossy(&tests.bytes).into_owned();
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

/// Whether a carried package's file is its test, example or description, `crates/labnet/tests/frames.rs`.
fn is_aside(name: &str) -> bool {
    let folder = name.split('/').nth(2);
    name.starts_with("crates/")
        && matches!(
            folder,
            Some("tests" | "examples" | "fuzz" | "gallery" | "README.md")
        )
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
