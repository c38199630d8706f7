//! What is handed out: the kinds of a hand-out.

use lab_core::catalog::Program;

use crate::starter::Language;

/// What is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The twins alone, for a course in Python.
    pub python: bool,
    /// Everything as it is, instead of without the student's part.
    pub solution: bool,
    /// With `cargo lab` and the exercise's check.
    pub check: bool,
    /// With all crates, for a room without a network.
    pub offline: bool,
}

impl Kind {
    /// Whether the student's part is taken out of files in this language.
    ///
    /// In a course in Rust the Python twin stays whole: students read it next to their own program.
    pub fn cuts(self, language: Language) -> bool {
        !self.solution && (self.python || language != Language::Python)
    }

    /// Whether `feedback.py` is in it: where there is neither a check nor a test.
    pub fn has_feedback(self) -> bool {
        self.python && !self.check
    }

    /// A program's folder in the hand-out.
    ///
    /// Python programs are at the top. A folder without a
    /// `Cargo.toml` in `crates/` would be an error to cargo.
    pub fn folder(self, program: &Program) -> &str {
        match self.python {
            true => &program.package,
            false => &program.folder,
        }
    }

    /// The path of a program's source.
    pub fn source(self, program: &Program) -> String {
        let file = match self.python {
            true => "twin.py",
            false => "src/main.rs",
        };
        format!("{}/{file}", self.folder(program))
    }
}
