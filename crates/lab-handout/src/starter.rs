//! From the full program to the starter: what is the student's to write is taken out.
//!
//! The sources mark it with comments that editors fold as
//! regions, and that disturb nobody who reads the program:
//!
//! ```text
//! // region: exercise                    (Rust)
//! # region: exercise                     (Python)
//! <!-- region: answers -->               (Markdown)
//! ```
//!
//! and the same with `endregion`. In a program the numbered steps of a
//! region stay, with the calls that each needs; the code between them goes,
//! and what is in its place compiles and says at run time what is missing.

use anyhow::{bail, ensure};
use lab_core::steps::of_line;

use crate::calls;

/// In which language a file is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `.rs`
    Rust,
    /// `.py`
    Python,
    /// `.md`
    Markdown,
}

impl Language {
    /// The language of a file's name; `None` for a file that is never cut.
    pub fn of(path: &str) -> Option<Self> {
        let (_, ending) = path.rsplit_once('.')?;
        match ending {
            "rs" => Some(Language::Rust),
            "py" => Some(Language::Python),
            "md" => Some(Language::Markdown),
            _ => None,
        }
    }

    /// Whether a line opens or closes a region.
    fn marker(self, line: &str) -> Option<Marker> {
        let line = line.trim();
        let (start, end) = match self {
            Language::Rust => ("// region: exercise", "// endregion: exercise"),
            Language::Python => ("# region: exercise", "# endregion: exercise"),
            Language::Markdown => ("<!-- region: answers -->", "<!-- endregion: answers -->"),
        };
        if line == start {
            Some(Marker::Start)
        } else if line == end {
            Some(Marker::End)
        } else {
            None
        }
    }

    fn comment(self) -> &'static str {
        match self {
            Language::Rust => "//",
            Language::Python => "#",
            Language::Markdown => "",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    Start,
    End,
}

/// A file as the student gets it, and what of it is now theirs to write: `steps 1 to 5`.
///
/// # Errors
///
/// When a region is opened or closed twice: the line is named.
pub fn starter(text: &str, language: Language) -> anyhow::Result<(String, Vec<String>)> {
    let mut kept = String::new();
    let mut tasks = Vec::new();
    for part in parts(text, language)? {
        match (part.exercise, language) {
            (false, _) => kept.push_str(&part.lines),
            (true, Language::Markdown) => kept.push_str(&questions(&part.lines)),
            (true, _) => {
                let (part, task) = replacement(&part.lines, text, language);
                kept.push_str(&part);
                tasks.push(task);
            }
        }
    }
    if !tasks.is_empty() && language == Language::Rust {
        kept = allow_unused(&kept);
    }
    if language == Language::Python {
        kept = own_header(&kept);
    }
    Ok((kept, tasks))
}

/// Where the Python programs are alone, they are at the top, and there is none in Rust.
fn own_header(text: &str) -> String {
    let end = text.find("\nimport ").unwrap_or(0);
    let (header, rest) = text.split_at(end);
    let lines = header.split_inclusive('\n');
    let kept: String = lines.filter(|line| !line.starts_with("Rust: ")).collect();
    kept.replace("python3 crates/", "python3 ") + rest
}

/// A run of lines, inside or outside a region; the markers themselves belong to none.
struct Part {
    exercise: bool,
    lines: String,
}

fn parts(text: &str, language: Language) -> anyhow::Result<Vec<Part>> {
    let mut parts = vec![Part {
        exercise: false,
        lines: String::new(),
    }];
    let mut opened = None;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let number = number + 1;
        let marker = language.marker(line);
        match (marker, opened) {
            (Some(Marker::Start), Some(at)) => {
                bail!("line {number} opens a region in the one that line {at} opened")
            }
            (Some(Marker::End), None) => bail!("line {number} closes a region that is not open"),
            (Some(Marker::Start), None) => opened = Some(number),
            (Some(Marker::End), Some(_)) => opened = None,
            (None, _) => {}
        }
        if marker.is_some() {
            parts.push(Part {
                exercise: opened.is_some(),
                lines: String::new(),
            });
        } else if let Some(part) = parts.last_mut() {
            part.lines.push_str(line);
        }
    }
    if let Some(at) = opened {
        bail!("the region that line {at} opens is never closed");
    }
    ensure!(
        parts
            .iter()
            .all(|part| !part.exercise || !part.lines.trim().is_empty()),
        "a region holds nothing"
    );
    Ok(parts)
}

/// What is in a region's place: its numbered steps, and
/// a statement that compiles and says what is missing.
fn replacement(lines: &str, program: &str, language: Language) -> (String, String) {
    let comment = language.comment();
    let steps = lines.lines().filter_map(|line| of_line(line, comment));
    let numbers: Vec<usize> = steps.map(|(number, _)| number).collect();
    let first = lines
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let indent = &first[..first.len() - first.trim_start().len()];
    let task = match (numbers.first(), numbers.last()) {
        (Some(first), Some(last)) if first != last => format!("steps {first} to {last}"),
        (Some(first), _) => format!("step {first}"),
        (None, _) => "this part".to_string(),
    };
    let said = match numbers.split_last() {
        // The steps between these are in a helper.
        Some((last, before)) if numbers.windows(2).any(|next| next[1] != next[0] + 1) => {
            let before: Vec<String> = before.iter().map(usize::to_string).collect();
            format!("steps {} and {last}", before.join(", "))
        }
        _ => task.clone(),
    };
    let mut text = format!("{indent}{comment} Yours to write: {said}.\n");
    for (step, code) in with_code(lines, comment) {
        text.push_str(&format!("{indent}{}\n", step.trim()));
        let in_rust = language == Language::Rust;
        let calls = calls::named(&code, in_rust).into_iter();
        for line in calls.chain(calls::own(&code, program, in_rust)) {
            text.push_str(&format!("{indent}{comment}    {line}\n"));
        }
    }
    text.push_str(indent);
    text.push_str(&match language {
        Language::Rust => format!("todo!(\"write {said}\");\n"),
        _ => format!("raise NotImplementedError(\"write {said}\")\n"),
    });
    (text, task)
}

/// Each step with the code below it.
fn with_code<'a>(lines: &'a str, comment: &str) -> Vec<(&'a str, String)> {
    let mut steps: Vec<(&str, String)> = Vec::new();
    for line in lines.lines() {
        if of_line(line, comment).is_some() {
            steps.push((line, String::new()));
        } else if let Some((_, code)) = steps.last_mut() {
            code.push_str(line);
            code.push('\n');
        }
    }
    steps
}

/// The questions among the answers, each in bold at the
/// beginning of a paragraph: `**What does bind do?** It …`
fn questions(lines: &str) -> String {
    let question = |line: &str| {
        let (question, _) = line.strip_prefix("**")?.split_once("?**")?;
        Some(format!("\n**{question}?**\n"))
    };
    let questions: String = lines.lines().filter_map(question).collect();
    if questions.is_empty() {
        "\nThe answer is yours to write.\n".to_string()
    } else {
        questions
    }
}

/// Without its middle a program has variables and imports
/// that nothing uses yet: no reason for a page of warnings.
fn allow_unused(text: &str) -> String {
    // A result that is not looked at stays a warning: most often a `?` is missing.
    const ALLOW: &str = "\
// Take this line and the next two out when your part is written.
#![allow(unused)]
#![warn(unused_must_use)]
";
    let header = text
        .split_inclusive('\n')
        .take_while(|line| line.starts_with("//!"))
        .map(str::len)
        .sum();
    let (header, rest) = text.split_at(header);
    let space = if header.is_empty() { "" } else { "\n" };
    format!("{header}{space}{ALLOW}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUST: &str = "\
//! A server.

use std::io::Read;

fn main() {
    let address = 1;
    // region: exercise

    // 1. Create the socket
    // Because of this and that.
    let socket = new();

    // 2. Bind it
    socket.bind(&address.into());
    // endregion: exercise
}
";

    #[test]
    fn steps_stay_and_the_code_between_them_goes() {
        let (text, tasks) = starter(RUST, Language::Rust).unwrap();
        assert_eq!(tasks, ["steps 1 to 2"]);
        assert_eq!(
            text,
            "\
//! A server.

// Take this line and the next two out when your part is written.
#![allow(unused)]
#![warn(unused_must_use)]

use std::io::Read;

fn main() {
    let address = 1;
    // Yours to write: steps 1 to 2.
    // 1. Create the socket
    // 2. Bind it
    //    Rust: Socket::bind, Python: socket.bind
    //    https://docs.rs/socket2/latest/socket2/struct.Socket.html#method.bind
    todo!(\"write steps 1 to 2\");
}
"
        );
    }

    #[test]
    fn python_gets_an_exception_and_its_own_indentation() {
        let text = "def serve():\n    # region: exercise\n    # 6. Receive\n    data = 1\n    # endregion: exercise\n";
        assert_eq!(
            starter(text, Language::Python).unwrap().0,
            "def serve():\n    # Yours to write: step 6.\n    # 6. Receive\n    \
             raise NotImplementedError(\"write step 6\")\n"
        );
    }

    #[test]
    fn steps_with_others_between_them_are_named_one_by_one() {
        let text =
            "# region: exercise\n# 1. A\na = 1\n# 2. B\nb = 2\n# 5. C\n# endregion: exercise\n";
        let (text, tasks) = starter(text, Language::Python).unwrap();
        assert!(
            text.starts_with("# Yours to write: steps 1, 2 and 5.\n"),
            "{text}"
        );
        assert!(text.ends_with("(\"write steps 1, 2 and 5\")\n"), "{text}");
        assert_eq!(tasks, ["steps 1 to 5"]);
    }

    #[test]
    fn the_header_of_a_program_in_python_fits_its_folder() {
        let text = "\"\"\"A.\n\nRust:       src/main.rs\nTerminal 1: python3 crates/a/twin.py\n\"\"\"\n\nimport sys\n";
        assert_eq!(
            starter(text, Language::Python).unwrap().0,
            "\"\"\"A.\n\nTerminal 1: python3 a/twin.py\n\"\"\"\n\nimport sys\n"
        );
    }

    #[test]
    fn questions_stay_and_answers_go() {
        let text = "a\n<!-- region: answers -->\n**Who?** I.\nMore.\n\n**Why?** So.\n<!-- endregion: answers -->\nc\n";
        assert_eq!(
            starter(text, Language::Markdown).unwrap().0,
            "a\n\n**Who?**\n\n**Why?**\nc\n"
        );
        let text = "a\n<!-- region: answers -->\nb\n<!-- endregion: answers -->\nc\n";
        assert_eq!(
            starter(text, Language::Markdown).unwrap().0,
            "a\n\nThe answer is yours to write.\nc\n"
        );
    }

    #[test]
    fn a_file_without_regions_stays_as_it_is() {
        assert_eq!(
            starter("x\r\ny", Language::Rust).unwrap(),
            ("x\r\ny".to_string(), vec![])
        );
    }

    #[test]
    fn regions_that_do_not_fit_are_errors_that_name_the_line() {
        let error = |text: &str| starter(text, Language::Python).unwrap_err().to_string();
        let (start, end) = ("# region: exercise\n", "# endregion: exercise\n");
        assert_eq!(error(end), "line 1 closes a region that is not open");
        assert_eq!(error(start), "the region that line 1 opens is never closed");
        let twice = format!("{start}x\n{start}");
        assert_eq!(
            error(&twice),
            "line 3 opens a region in the one that line 1 opened"
        );
        assert_eq!(error(&format!("{start}\n{end}")), "a region holds nothing");
    }
}
