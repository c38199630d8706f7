//! A page for a browser: what failed, and what happened then, step by step.
//!
//! One file that asks nothing of the network. What a program printed or sent is text in it, and
//! each picture is a page of its own in a frame that may touch nothing outside. The page holds no
//! path of the machine on which the program was checked.

use std::fmt::Write;

use lab_journal::html::{draw, escaped};
use lab_journal::{Event, Journal};

use super::human::{conversation, output, readme};
use super::quote::compare;
use super::student::again;
use crate::sheet::Question;
use crate::verdict::{CaseReport, Failure, Outcome, Report};

const STYLE: &str = include_str!("page.css");

/// The whole page.
///
/// # Errors
///
/// When a picture cannot be drawn.
pub fn page(report: &Report) -> anyhow::Result<String> {
    let page = Page {
        folder: report.folder.as_deref(),
    };
    let name = report.student.as_deref().unwrap_or("your program");
    let title = page.text(&format!("{}: {name}", report.exercise));
    let mut body = String::new();
    if let Some(trouble) = &report.trouble {
        let words = format!("There is no score: the check did not come to its end ({trouble}).");
        page.paragraph(&mut body, "", &words);
    } else {
        page.score(&mut body, report);
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
            page.case(&mut body, report, case, &mut is_first)?;
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
    /// The folder in which the programs ran.
    folder: Option<&'a str>,
}

impl Page<'_> {
    /// Without the folder, which says nothing to anyone who reads the page elsewhere.
    fn without_folder(&self, text: &str) -> String {
        match self.folder {
            Some(folder) => super::without_folder(folder, text),
            None => text.to_string(),
        }
    }

    /// One line of text.
    fn text(&self, text: &str) -> String {
        escaped(&self.without_folder(text).replace('\n', " "))
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
            .map(|line| self.text(line.strip_prefix("      ").unwrap_or(line)))
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

    fn score(&self, out: &mut String, report: &Report) {
        let (earned, all) = report.score();
        let score = match (report.points, report.in_points(earned)) {
            (Some(of), Some(points)) => format!("Score: {points:.2} of {of}"),
            _ => format!("Score: {earned} of {all}"),
        };
        self.paragraph(out, "", &score);
        for question in Question::ALL {
            let counts = report.counts_of(question);
            if counts.total() > 0 {
                let (words, passed, all) = (question.words(), counts.passed, counts.total());
                self.paragraph(out, "", &format!("{words} {passed} of {all} cases passed."));
            }
        }
    }

    fn case(
        &self,
        out: &mut String,
        report: &Report,
        case: &CaseReport,
        is_first: &mut bool,
    ) -> anyhow::Result<()> {
        let (class, why) = match &case.outcome {
            Outcome::Passed => ("passed", None),
            Outcome::Failed(_) => ("failed", None),
            Outcome::Skipped(why) => ("skipped", Some(why)),
            Outcome::Undecided(why) => ("undecided", Some(why)),
        };
        let name = self.text(&report.full_name(case));
        let _ = writeln!(
            out,
            "<section class=\"{class}\">\n<h3><span class=\"outcome\">{class}</span> {name}: {}</h3>",
            self.text(case.name)
        );
        if let Some(why) = why {
            self.paragraph(out, "", why);
        }
        if let Outcome::Failed(failure) = &case.outcome {
            self.failed(out, report, case, failure);
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

    fn failed(&self, out: &mut String, report: &Report, case: &CaseReport, failure: &Failure) {
        let summary = self.text(&failure.summary);
        let _ = writeln!(out, "<p><strong>{summary}</strong></p>");
        if let Some(asked) = case.asked {
            self.paragraph(out, "", &format!("The sheet, {}.", asked.words));
        }
        let mistake = failure.misconception;
        let (id, title, text) = (mistake.id, mistake.title, mistake.text);
        self.paragraph(out, "", &format!("The mistake ({id}): {title}. {text}"));
        if let Some(diff) = &failure.diff {
            let compared = compare(diff);
            let lines = format!(
                "expected  {}\nreceived  {}\n          {} {}",
                compared.expected, compared.received, compared.caret, compared.place
            );
            self.lines(out, "expected and received", &lines);
        }
        let several = case.programs.len() > 1;
        let mut said = conversation(&case.events);
        for (number, program) in (1..).zip(&case.programs) {
            said += &output(program, several.then_some(number));
        }
        self.lines(out, "what passed", &said);
        self.paragraph(
            out,
            "",
            &format!("Read {}. Try it alone:", readme(report, case)),
        );
        self.lines(out, "the command", &again(report, case));
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
        let mut trace = trace.clone();
        for entry in &mut trace.entries {
            match &mut entry.event {
                Event::Output(output) => output.text = self.without_folder(&output.text),
                Event::Call(call) => call.name = self.without_folder(&call.name),
                _ => {}
            }
        }
        for note in &mut trace.notes {
            *note = self.without_folder(note);
        }
        trace
    }
}
