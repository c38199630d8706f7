//! A page for a browser: what failed, and what happened then, step by step.
//!
//! One file that asks nothing of the network. What a program printed or sent is text in it, and
//! each picture is a page of its own in a frame that may touch nothing outside. The page holds no
//! path of the machine on which the program was checked.

use std::fmt::Write;

use lab_journal::html::{draw, escaped};
use lab_journal::{Event, Journal};

use super::human::{INDENT, readme};
use super::machine::{differing, seen};
use super::student;
use crate::sheet::Question;
use crate::verdict::{CaseReport, Failure, Outcome, Report};

const STYLE: &str = include_str!("page.css");

/// The whole page.
///
/// # Errors
///
/// When a picture cannot be drawn.
pub fn page(report: &Report) -> anyhow::Result<String> {
    let page = Page { report };
    let title = page.text(&student::title(report));
    let mut body = String::new();
    let (score, questions) = student::score(report);
    page.paragraph(&mut body, "", &score);
    for question in questions {
        page.paragraph(&mut body, "", &question);
    }
    for remark in &report.remarks {
        page.paragraph(&mut body, "note", &format!("note: {remark}"));
    }
    // The first picture is what its reader came for.
    let mut is_first = true;
    for question in Question::ALL {
        let mut cases = report.answering(question).peekable();
        if cases.peek().is_none() {
            continue;
        }
        let _ = writeln!(body, "<h2>{}</h2>", page.text(question.words()));
        for case in cases {
            page.case(&mut body, case, &mut is_first)?;
        }
    }
    Ok(document(&title, &body))
}

/// A page with this title; both are HTML.
pub(super) fn document(title: &str, body: &str) -> String {
    format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
{STYLE}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}</main>
</body>
</html>
"#
    )
}

/// How texts get into the page.
struct Page<'a> {
    report: &'a Report,
}

impl Page<'_> {
    /// One line of text.
    fn text(&self, text: &str) -> String {
        escaped(&student::without_folder(self.report, text).replace('\n', " "))
    }

    fn paragraph(&self, out: &mut String, class: &str, text: &str) {
        let text = self.text(text);
        let _ = match class {
            "" => writeln!(out, "<p>{text}</p>"),
            class => writeln!(out, "<p class=\"{class}\">{text}</p>"),
        };
    }

    /// Lines as they are; `name` says what they are.
    fn lines(&self, out: &mut String, name: &str, lines: &str) {
        let lines: Vec<String> = lines
            .trim_end()
            .lines()
            .map(|line| self.text(line.strip_prefix(INDENT).unwrap_or(line)))
            .collect();
        if lines.iter().all(String::is_empty) {
            return;
        }
        // A long line is scrolled, also by the keyboard.
        let _ = writeln!(
            out,
            "<pre tabindex=\"0\" role=\"region\" aria-label=\"{name}\">{}</pre>",
            lines.join("\n")
        );
    }

    fn case(&self, out: &mut String, case: &CaseReport, is_first: &mut bool) -> anyhow::Result<()> {
        let (class, why) = match &case.outcome {
            Outcome::Passed => ("passed", None),
            Outcome::Failed(_) => ("failed", None),
            Outcome::Skipped(why) => ("skipped", Some(why)),
            Outcome::Undecided(why) => ("undecided", Some(why)),
        };
        let name = self.text(&self.report.full_name(case));
        let _ = writeln!(
            out,
            "<section class=\"{class}\">\n<h3><span class=\"outcome\">{class}</span> {name}: {}</h3>",
            self.text(case.name)
        );
        if let Some(why) = why {
            self.paragraph(out, "", why);
        }
        if let Outcome::Failed(failure) = &case.outcome {
            self.failed(out, case, failure);
            if let Some(trace) = &case.trace {
                self.picture(out, &name, case, trace, std::mem::take(is_first))?;
            }
        }
        for note in &case.notes {
            self.paragraph(out, "note", &format!("note: {note}"));
        }
        out.push_str("</section>\n");
        Ok(())
    }

    fn failed(&self, out: &mut String, case: &CaseReport, failure: &Failure) {
        let summary = self.text(&failure.summary);
        let _ = writeln!(out, "<p><strong>{summary}</strong></p>");
        if let Some(asked) = case.asked {
            self.paragraph(out, "", &format!("The sheet, {}.", asked.words));
        }
        let mistake = failure.misconception;
        let (id, title, text) = (mistake.id, mistake.title, mistake.text);
        self.paragraph(out, "", &format!("The mistake ({id}): {title}. {text}"));
        if let Some(diff) = &failure.diff {
            self.lines(out, "expected and received", &differing(diff));
        }
        self.lines(out, "what passed", &seen(case));
        self.paragraph(
            out,
            "",
            &format!("Read {}. Try it alone:", readme(self.report, case)),
        );
        self.lines(out, "the command", &student::again(self.report, case));
    }

    fn picture(
        &self,
        out: &mut String,
        name: &str,
        case: &CaseReport,
        trace: &Journal,
        is_open: bool,
    ) -> anyhow::Result<()> {
        let trace = self.of_no_machine(trace);
        let title = format!("{}: {}", case.id, case.name);
        // In an attribute only the quote could end it, and `&` would begin something else.
        let page = draw(&trace, title.as_str())?
            .replace('&', "&amp;")
            .replace('"', "&quot;");
        let open = if is_open { " open" } else { "" };
        let sides = match trace.notes.first() {
            Some(sides) => format!(": {}", escaped(sides)),
            None => String::new(),
        };
        let _ = writeln!(
            out,
            "<details{open}>\n<summary>See it step by step{sides}</summary>\n\
             <iframe title=\"{name}, step by step\" sandbox=\"allow-scripts\" loading=\"lazy\" \
             srcdoc=\"{page}\"></iframe>\n</details>"
        );
        Ok(())
    }

    /// The journal without the folder in its texts.
    fn of_no_machine(&self, trace: &Journal) -> Journal {
        let without_folder = |text: &str| student::without_folder(self.report, text);
        let mut trace = trace.clone();
        for entry in &mut trace.entries {
            match &mut entry.event {
                Event::Output(output) => output.text = without_folder(&output.text),
                Event::Call(call) => call.name = without_folder(&call.name),
                _ => {}
            }
        }
        for note in &mut trace.notes {
            *note = without_folder(note);
        }
        trace
    }
}
