//! The result as a teacher would tell it.

use lab_journal::Journal;

use super::check_again;
use super::quote::{border, compare, excerpt, shown, thousands};
use crate::misconceptions as m;
use crate::sheet::Question;
use crate::verdict::{CaseReport, Event, Failure, Outcome, ProgramReport, Report, What};

/// How wide prose is set, in characters.
const WIDTH: usize = 92;
/// What is before everything that belongs to a case.
pub(super) const INDENT: &str = "      ";
/// How many events of a conversation are shown, from its end.
const EVENTS: usize = 12;
/// How many pieces of a sending are shown.
const PIECES: usize = 6;
/// How many lines of the program's own output are shown.
const LINES: usize = 5;
/// How many lines of a picture are shown, from its beginning and from its end.
const PICTURE_BEGIN: usize = 50;
const PICTURE_END: usize = 20;
/// How much of such a line is shown, in bytes.
const LINE: usize = 160;

/// How it is set.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// With colors.
    pub color: bool,
    /// With the cases that passed.
    pub all: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }
    fn good(self, text: &str) -> String {
        self.paint("32", text)
    }
    fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }
    fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }
    fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }
}

/// The whole report.
pub fn text(report: &Report, style: &Style) -> String {
    let mut out = String::new();
    let width = report
        .cases
        .iter()
        .map(|case| case.id.len())
        .max()
        .unwrap_or(0);
    for side in &report.sides {
        let cases: Vec<&CaseReport> = report
            .cases
            .iter()
            .filter(|case| case.role == side.role)
            .collect();
        if cases.is_empty() {
            continue; // The other side's case was asked for.
        }
        out.push_str(&format!(
            "{} {}: {}\n\n",
            style.strong(&report.exercise),
            side.role,
            side.command
        ));
        for question in Question::ALL {
            let mut answering = cases
                .iter()
                .filter(|case| case.question() == question)
                .peekable();
            if answering.peek().is_some() {
                out.push_str(&format!("{}\n\n", style.strong(question.words())));
            }
            for case in answering {
                out.push_str(&one(report, case, width, *style));
            }
            // A failure has an empty line behind it already.
            if !out.ends_with("\n\n") {
                out.push('\n');
            }
        }
    }
    out.push_str(&tail(report, *style));
    out
}

/// One case of a report, with all that belongs to it.
pub fn case(report: &Report, case: &CaseReport, color: bool) -> String {
    one(report, case, 0, Style { color, all: true })
}

/// A case with all that belongs to it.
fn one(report: &Report, case: &CaseReport, width: usize, style: Style) -> String {
    let label = match &case.outcome {
        Outcome::Passed => style.good("ok  "),
        Outcome::Failed(_) => style.bad("FAIL"),
        Outcome::Skipped(_) => style.dim("skip"),
        Outcome::Undecided(_) => style.paint("33", "??  "),
    };
    let mut out = match &case.outcome {
        Outcome::Passed if !style.all => String::new(),
        Outcome::Skipped(why) => {
            let line = format!("{:width$}  {} ({why})", case.id, case.name);
            format!("{label}  {}\n", style.dim(&line))
        }
        _ => format!("{label}  {:width$}  {}\n", case.id, case.name),
    };
    match &case.outcome {
        Outcome::Failed(failure) => out.push_str(&failed(report, case, failure, style)),
        Outcome::Undecided(why) => out.push_str(&paragraph(why)),
        Outcome::Passed | Outcome::Skipped(_) => {}
    }
    for note in &case.notes {
        out.push_str(&hanging("note: ", note, INDENT.len()));
    }
    out
}

fn failed(report: &Report, case: &CaseReport, failure: &Failure, style: Style) -> String {
    let mut out = String::from("\n");
    for line in wrapped(&failure.summary, WIDTH - INDENT.len()) {
        out.push_str(&format!("{INDENT}{}\n", style.strong(&line)));
    }
    out.push('\n');
    if let Some(asked) = case.asked {
        out.push_str(&paragraph(&format!("The sheet, {}.", asked.words)));
        out.push('\n');
    }
    let mistake = failure.misconception;
    out.push_str(&paragraph(&format!(
        "The mistake ({}): {}.",
        mistake.id, mistake.title
    )));
    out.push_str(&paragraph(mistake.text));
    out.push('\n');
    if let Some(diff) = &failure.diff {
        let compared = compare(diff);
        out.push_str(&labeled("expected", &compared.expected));
        out.push_str(&labeled("received", &compared.received));
        out.push_str(&format!(
            "{INDENT}{:10}{} {}\n",
            "",
            style.bad(&compared.caret),
            compared.place
        ));
    }
    out.push_str(&conversation(&case.events));
    let several = case.programs.len() > 1;
    for (index, program) in case.programs.iter().enumerate() {
        out.push_str(&output(program, several.then_some(index + 1)));
    }
    if let Some(trace) = &case.trace {
        out.push_str(&picture(trace, style));
    }
    out.push_str(&labeled("read", &readme(report, case)));
    out.push_str(&labeled("again", &again(report, case)));
    out.push('\n');
    out
}

/// What happened, call by call; of a long picture the beginning and the end.
fn picture(trace: &Journal, style: Style) -> String {
    let drawn = lab_journal::picture::draw(
        trace,
        lab_journal::layout::Style {
            width: WIDTH - INDENT.len(),
            color: style.color,
            ascii: false,
        },
    );
    let lines: Vec<&str> = drawn.lines().collect();
    let mut out = String::from("\n");
    let mut show = |lines: &[&str]| {
        for line in lines {
            out.push_str(&format!("{INDENT}{line}\n"));
        }
    };
    match lines.len().checked_sub(PICTURE_BEGIN + PICTURE_END) {
        Some(left_out) if left_out > 1 => {
            show(&lines[..PICTURE_BEGIN]);
            let more = format!("⋮ {left_out} lines more: --save html=FILE has them");
            show(&[&more]);
            show(&lines[PICTURE_BEGIN + left_out..]);
        }
        _ => show(&lines),
    }
    out.push('\n');
    out
}

/// Where the exercise is explained: the file, and the section in it.
pub fn readme(report: &Report, case: &CaseReport) -> String {
    let Some(side) = report.side(case) else {
        return "README.md".to_string();
    };
    let not_written = match &case.outcome {
        Outcome::Failed(failure) => failure.misconception.id == m::NOT_WRITTEN.id,
        _ => false,
    };
    match &side.section {
        // How to write it comes before what there is to see.
        _ if not_written && side.command == "rust" => {
            format!("{}, \"Rust for this page\", and RUST.md", side.readme)
        }
        _ if not_written => side.readme.clone(),
        Some(section) => format!("{}, \"{section}\"", side.readme),
        None => side.readme.clone(),
    }
}

/// The command that plays this case alone, in the same way.
pub fn again(report: &Report, case: &CaseReport) -> String {
    let command = report.side(case).map_or("", |side| side.command.as_str());
    let folder = match &report.folder {
        Some(folder) => format!(" --in {}", shell_words::quote(folder)),
        None => String::new(),
    };
    check_again(
        report,
        case,
        &folder,
        command,
        &format!(" --seed {}", report.seed),
    )
}

/// What was said on the wire, and what was waited for.
pub fn conversation(events: &[Event]) -> String {
    let mut out = String::new();
    let from = events.len().saturating_sub(EVENTS);
    let left_out: usize = events[..from]
        .iter()
        .map(|event| match event.what {
            What::LeftOut(count) => count,
            _ => 1,
        })
        .sum();
    if left_out > 0 {
        out.push_str(&labeled("earlier", &format!("{left_out} steps, not shown")));
    }
    let mut last = "";
    for event in &events[from..] {
        let text = match &event.what {
            What::Sent(pieces) if pieces.len() == 1 => {
                format!("sent {}", pieces.first().map(excerpt).unwrap_or_default())
            }
            What::Sent(pieces) => sent_apart(pieces),
            What::Received(bytes) => format!("received {}", excerpt(bytes)),
            What::Datagram(words, bytes) if bytes.total == 0 => words.clone(),
            What::Datagram(words, bytes) => format!("{words}: {}", excerpt(bytes)),
            What::Awaited(what, how_long) => {
                format!("waited {} seconds for {what}", how_long.as_secs_f64())
            }
            What::LeftOut(count) => format!("{count} steps, not kept"),
            What::Did(what) => what.clone(),
        };
        let who = if event.who == last {
            ""
        } else {
            event.who.as_str()
        };
        last = &event.who;
        out.push_str(&labeled(who, &text));
    }
    out
}

fn sent_apart(pieces: &[crate::verdict::Excerpt]) -> String {
    let shown: Vec<String> = pieces.iter().take(PIECES).map(excerpt).collect();
    let more = match pieces.len().saturating_sub(PIECES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "sent {} pieces, each once the last was taken: {}{more}",
        pieces.len(),
        shown.join(", ")
    )
}

/// What the program itself said, which often names the line at fault.
pub fn output(program: &ProgramReport, number: Option<usize>) -> String {
    let mut out = String::new();
    let name = number.map_or("program".to_string(), |number| format!("program {number}"));
    if let Some(ended) = &program.ended {
        out.push_str(&labeled(&name, ended));
    }
    for (name, stream) in [("stdout", &program.stdout), ("stderr", &program.stderr)] {
        if stream.total == 0 {
            continue;
        }
        let kept = if stream.tail.is_empty() {
            &stream.head
        } else {
            &stream.tail
        };
        let lines: Vec<&[u8]> = kept
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .collect();
        let from = lines.len().saturating_sub(LINES);
        if from > 0 || !stream.tail.is_empty() {
            out.push_str(&labeled(
                name,
                &format!("{} bytes, which end with", thousands(stream.total)),
            ));
        }
        for (index, line) in lines[from..].iter().enumerate() {
            let label = if index == 0 && from == 0 && stream.tail.is_empty() {
                name
            } else {
                ""
            };
            let end = border(line, LINE);
            let shown = shown(&line[..end]);
            let cut = if end < line.len() { " …" } else { "" };
            out.push_str(&labeled(label, &format!("{shown}{cut}")));
        }
    }
    out
}

fn tail(report: &Report, style: Style) -> String {
    let mut out = String::new();
    for question in Question::ALL {
        out.push_str(&answer(report, question, style));
    }
    let open = |question| {
        let counts = report.counts_of(question);
        counts.passed < counts.total()
    };
    let others = open(Question::Network) || open(Question::Tests);
    if !report.strict && !open(Question::Sheet) && others {
        let all = match report.counts_of(Question::Tests).total() {
            0 => "both",
            _ => "all of them",
        };
        out.push_str(&format!(
            "The exit code follows the first question; with --strict it follows {all}.\n"
        ));
    }
    let mut told = String::new();
    for remark in &report.remarks {
        told.push_str(&hanging("note: ", remark, 0));
    }
    if let Some(trouble) = &report.trouble {
        told.push_str(&hanging(
            "",
            &format!("The check itself did not come to its end: {trouble}"),
            0,
        ));
    }
    format!(
        "{out}(seed {}, {:.1} s)\n{told}",
        report.seed,
        report.elapsed.as_secs_f64()
    )
}

/// A question, and how it is answered: in a word, in points, and in cases.
fn answer(report: &Report, question: Question, style: Style) -> String {
    let counts = report.counts_of(question);
    if counts.total() == 0 {
        return String::new();
    }
    let parts: Vec<String> = [
        (counts.passed, "passed"),
        (counts.failed, "failed"),
        (counts.skipped, "skipped"),
        (counts.undecided, "undecided"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .enumerate()
    .map(|(place, (count, word))| match (place, count) {
        (0, 1) => format!("1 case {word}"),
        (0, _) => format!("{count} cases {word}"),
        _ => format!("{count} {word}"),
    })
    .collect();
    let painted = match question {
        _ if counts.passed == counts.total() => style.good("Yes"),
        _ if counts.failed == 0 && counts.undecided > 0 => style.paint("33", "Undecided"),
        Question::Sheet | Question::Tests => style.bad("Not yet"),
        Question::Network => style.bad("Not everywhere"),
    };
    let (earned, all) = report.score_of(question);
    let mut text = format!(
        "{} {painted}: {earned} of {all} points ({}).\n",
        question.words(),
        parts.join(", ")
    );
    let breaks: Vec<String> = report
        .answering(question)
        .filter(|case| matches!(case.outcome, Outcome::Failed(_)))
        .map(|case| report.full_name(case))
        .collect();
    if question == Question::Network && !breaks.is_empty() {
        let breaks = format!("Here is where it breaks: {}.", breaks.join(", "));
        text.push_str(&hanging("", &breaks, 0));
    }
    text
}

/// A paragraph whose first line begins with a label,
/// and whose others stand under the text behind it.
pub(super) fn hanging(label: &str, text: &str, indent: usize) -> String {
    let width = label.len();
    wrapped(text, WIDTH - indent - width)
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let label = if index == 0 { label } else { "" };
            format!("{:indent$}{label:width$}{line}\n", "")
        })
        .collect()
}

pub(super) fn labeled(label: &str, text: &str) -> String {
    format!("{INDENT}{label:9} {text}\n")
}

fn paragraph(text: &str) -> String {
    wrapped(text, WIDTH - INDENT.len())
        .iter()
        .map(|line| format!("{INDENT}{line}\n"))
        .collect()
}

/// Text in lines of at most so many characters, broken at blanks.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_string());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Excerpt;

    #[test]
    fn a_line_of_output_is_shown_as_it_was_printed() {
        let text = output(
            &ProgramReport {
                ended: None,
                stdout: Excerpt::of(b"Received b'one\\n' \"two\"\x07"),
                stderr: Excerpt::of(b""),
            },
            None,
        );
        assert!(
            text.ends_with("Received b'one\\n' \"two\"\\x07\n"),
            "{text}"
        );
    }

    #[test]
    fn a_long_line_of_output_is_not_cut_inside_a_character() {
        let text = output(
            &ProgramReport {
                ended: None,
                stdout: Excerpt::of(format!("x{}", "é".repeat(100)).as_bytes()),
                stderr: Excerpt::of(b""),
            },
            None,
        );
        assert!(
            text.ends_with(&format!("x{} …\n", "é".repeat(79))),
            "{text}"
        );
    }
}
