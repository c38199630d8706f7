//! The whole book, built once: its pages are compared with the programs, and opened in a browser.
//!
//! The book is built from runs of all programs, so these tests are ignored by default.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]
#![cfg(target_os = "linux")]

mod browser;
mod chromium;
mod pages;
mod predict;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use lab_core::catalog::{Catalog, Exercise, Program, Role};

/// The built book.
struct Site {
    folder: PathBuf,
    /// Each page by its file's name.
    pages: BTreeMap<String, String>,
    catalog: Catalog,
    /// What the build printed.
    printed: String,
}

static SITE: LazyLock<Site> = LazyLock::new(|| {
    std::env::set_current_dir(workspace()).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("book");
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
    fn exercises(&self) -> impl Iterator<Item = &Exercise> {
        self.catalog
            .sheets
            .iter()
            .flat_map(|sheet| &sheet.exercises)
    }

    /// The programs with a `main.rs`.
    fn programs(&self) -> impl Iterator<Item = (&Exercise, &Program)> {
        let all = self.exercises().flat_map(|exercise| {
            exercise
                .programs
                .iter()
                .map(move |program| (exercise, program))
        });
        all.filter(|(_, program)| program.role != Role::Library)
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// What is between two marks, for every place where the first one is.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    let parts = text.split(begin).skip(1);
    parts.map(|part| part.split(end).next().unwrap()).collect()
}

/// The text of a piece of HTML.
fn text(html: &str) -> String {
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
