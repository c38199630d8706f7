//! Which line of its source a call comes from, and the step of the lesson that it belongs to.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use addr2line::Loader;
use lab_core::steps::of_line;
use lab_journal::Source;

/// A line is shown as far as this, in characters.
const LONGEST: usize = 120;

/// Where a call comes from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// The addresses in a program's own file at which its functions are, the innermost first.
    Stack {
        program: PathBuf,
        addresses: Vec<u64>,
    },
    /// The line, as a program in Python told it.
    Line(PathBuf, u32),
}

/// The line that a program in Python tells of itself: see `lines.py`.
pub fn told(bytes: &[u8]) -> Option<Origin> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (line, file) = text.strip_prefix("lab-trace line ")?.split_once(' ')?;
    Some(Origin::Line(file.into(), line.parse().ok()?))
}

/// Files that were looked at.
#[derive(Default)]
pub struct Lines {
    programs: HashMap<PathBuf, Option<Loader>>,
    texts: HashMap<PathBuf, Option<String>>,
}

impl Lines {
    /// The line. Of a stack it is the innermost one in the file where the program, or its thread,
    /// begins. What a library does is not the program's own line.
    pub fn of(&mut self, origin: &Origin) -> Option<Source> {
        let (program, addresses) = match origin {
            Origin::Line(file, line) => return self.source(file, *line),
            Origin::Stack { program, addresses } => (program, addresses),
        };
        let program = self
            .programs
            .entry(program.clone())
            .or_insert_with(|| Loader::new(program).ok())
            .as_ref()?;
        let mut places: Vec<(PathBuf, u32)> = Vec::new();
        for address in addresses {
            let mut frames = program.find_frames(*address).ok()?;
            while let Ok(Some(frame)) = frames.next() {
                let location = frame.location;
                let place = location.and_then(|at| Some((PathBuf::from(at.file?), at.line?)));
                places.extend(place.filter(|(file, _)| is_own(file)));
            }
        }
        let (outermost, _) = places.last()?;
        let (file, line) = places.iter().find(|(file, _)| file == outermost)?;
        self.source(file, *line)
    }

    fn source(&mut self, file: &Path, line: u32) -> Option<Source> {
        let text = self
            .texts
            .entry(file.to_path_buf())
            .or_insert_with(|| fs::read_to_string(file).ok())
            .as_ref()?;
        let before: Vec<&str> = text.lines().take(usize::try_from(line).ok()?).collect();
        let here = before.last()?.trim();
        let name = file.file_name()?.to_string_lossy().into_owned();
        Some(Source {
            file: name,
            line,
            text: here.chars().take(LONGEST).collect(),
            step: step(&before),
        })
    }
}

/// Whether a file is here, and not one that cargo has fetched.
fn is_own(file: &Path) -> bool {
    file.exists() && !file.to_string_lossy().contains("/registry/src/")
}

/// The numbered comment above the last of these lines, in the same function: `3. Bind it`.
fn step(lines: &[&str]) -> Option<String> {
    for line in lines.iter().rev() {
        if let Some((number, words)) = of_line(line, "//").or_else(|| of_line(line, "#")) {
            return Some(format!("{number}. {words}"));
        }
        // A function begins, perhaps that of a class.
        let begins = ["fn ", "pub fn ", "def ", "async fn "];
        if begins
            .iter()
            .any(|word| line.trim_start().starts_with(word))
        {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_that_of_the_comment_above_in_the_same_function() {
        let rust = "fn main() {
    // Not a step.
    // 1. Create the socket
    let socket = socket();
    // 12. Bind it
    // to the address
    socket.bind();
}

fn helper() {
    socket.send();";
        let lines: Vec<&str> = rust.lines().collect();
        let of = |count: usize| step(&lines[..count]);
        assert_eq!(of(2), None);
        assert_eq!(of(4).as_deref(), Some("1. Create the socket"));
        assert_eq!(of(7).as_deref(), Some("12. Bind it"));
        assert_eq!(of(11), None);
        let python = [
            "def main():",
            "    # 3. Listen: from here on",
            "    x.listen()",
        ];
        assert_eq!(step(&python).as_deref(), Some("3. Listen: from here on"));
        let class = [
            python[0],
            python[1],
            python[2],
            "",
            "class Reader:",
            "    def read(self):",
        ];
        assert_eq!(step(&[&class[..], &["        x.recv()"]].concat()), None);
    }
}
