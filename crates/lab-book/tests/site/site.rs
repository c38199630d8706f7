//! The built book.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use lab_core::catalog::{Catalog, Exercise, Program, Role};

/// The built book.
pub struct Site {
    /// Where it is.
    pub folder: PathBuf,
    /// Each page by its file's name.
    pub pages: BTreeMap<String, String>,
    /// The exercises.
    pub catalog: Catalog,
    /// What the build printed.
    pub printed: String,
}

/// Built at its first use.
pub static SITE: LazyLock<Site> = LazyLock::new(|| {
    std::env::set_current_dir(workspace()).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("site");
    let output = Command::new(env!("CARGO_BIN_EXE_lab-book"))
        .args(["book", "--out"])
        .arg(&folder)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the book is not built: {errors}");
    let mut pages = BTreeMap::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().to_string();
        if name.ends_with(".html") {
            pages.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
    Site {
        folder,
        pages,
        catalog: Catalog::read().unwrap(),
        printed: String::from_utf8(output.stdout).unwrap(),
    }
});

impl Site {
    /// All exercises.
    pub fn exercises(&self) -> impl Iterator<Item = &Exercise> {
        self.catalog.exercises()
    }

    /// The programs with a `main.rs`.
    pub fn programs(&self) -> impl Iterator<Item = (&Exercise, &Program)> {
        let all = self.exercises().flat_map(|exercise| {
            exercise
                .programs
                .iter()
                .map(move |program| (exercise, program))
        });
        all.filter(|(_, program)| program.role != Role::Library)
    }
}

/// The workspace's folder.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// axe-core, which `.ci/run book` installs.
pub fn axe() -> PathBuf {
    std::env::var_os("LAB_AXE").map_or_else(
        || workspace().join("target/ci/axe-core@4.14.1/node_modules/axe-core/axe.min.js"),
        PathBuf::from,
    )
}

/// What is between two marks, for every place where the first one is.
pub fn between<'a>(text: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    let parts = text.split(begin).skip(1);
    parts.map(|part| part.split(end).next().unwrap()).collect()
}

/// The text of a piece of HTML.
pub fn text(html: &str) -> String {
    let mut out = String::new();
    let mut tag = false;
    for letter in html.chars() {
        match letter {
            '<' => tag = true,
            '>' if tag => tag = false,
            other if !tag => out.push(other),
            _ => {}
        }
    }
    let marks = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    marks
        .iter()
        .fold(out, |text, (mark, letter)| text.replace(mark, letter))
}
