//! The page of an exercise: its task, a recorded run, its programs side by side, what to notice.

use std::path::Path;

use anyhow::Context;
use lab_core::catalog::{Catalog, Exercise, Program, Role, Sheet};
use lab_journal::model::Stream;
use lab_journal::{Journal, Side};
use maud::{Markup, html};

use crate::code::{self, Language, text_of};
use crate::data::read;
use crate::hints;
use crate::links::Links;
use crate::markdown::{self, Document, Section};
use crate::measure::printed;
use crate::page::{self, Found, Page, made};
use crate::question::Question;
use crate::steps::{self, Key, Row};

/// What a page is made of.
pub struct Material<'a> {
    /// The catalog.
    pub catalog: &'a Catalog,
    /// Its sheet.
    pub sheet: &'a Sheet,
    /// The exercise.
    pub exercise: &'a Exercise,
    /// The links of the book.
    pub links: &'a Links,
    /// The run that the page shows. A demo of three programs has none.
    pub run: Option<&'a Journal>,
    /// Its questions, and their section of the page.
    pub predict: Option<(&'a [Question], &'a Markup)>,
    /// The exercises before and after it.
    pub around: [Option<&'a Exercise>; 2],
}

/// A program with all that is told about it.
struct Told<'a> {
    program: &'a Program,
    readme: Document,
    rows: Markup,
    hints: Markup,
}

/// The address of an exercise's page.
pub fn address(exercise: &Exercise) -> String {
    format!("{}.html", exercise.id)
}

/// The address of the run that an exercise's page shows.
pub fn trace_address(exercise: &Exercise) -> String {
    format!("trace-{}.html", exercise.id)
}

/// The programs of an exercise. A library has a chapter of its own.
pub fn programs(exercise: &Exercise) -> impl Iterator<Item = &Program> {
    let programs = exercise.programs.iter();
    programs.filter(|program| program.role != Role::Library)
}

impl Material<'_> {
    /// The page.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or the steps of two programs do not pair.
    pub fn page(&self) -> anyhow::Result<Page> {
        let mut sides = Vec::new();
        for program in programs(self.exercise) {
            let file = format!("{}/README.md", program.folder);
            let prefix = format!("{}-", program.package);
            // A library's README may be missing: its programs tell about it.
            let text = read(&self.catalog.root.join(&file))?;
            let main = self.catalog.root.join(&program.folder).join("src/main.rs");
            let main = read(&main)?;
            sides.push(Told {
                program,
                readme: markdown::read(&file, &text, &prefix, self.links)?,
                rows: side_by_side(&self.catalog.root, program, |_| true)?,
                hints: hints::of(&main, |_| true)?,
            });
        }
        let title = self.exercise.title.clone();
        let body = html! {
            p.eyebrow { (self.sheet.title) }
            h1 { (title) }
            (self.contents(&sides))
            section #task aria-labelledby="task-title" {
                h2 #task-title { "The task" }
                div.prose {
                    @for side in &sides { (made(&intro(&side.readme).html)) }
                }
                @if let Some(run) = sides.iter().find_map(|side| the_run(&side.readme)) {
                    details.how { summary { "How to run it" } div.prose { (made(&run.html)) } }
                }
            }
            @if let Some((_, section)) = self.predict { (section) }
            @if let Some(journal) = self.run { (self.what_happens(journal)) }
            @for side in &sides { (self.told(side)) }
            (self.around())
        };
        let found = self.found(&sides);
        Ok(Page {
            file: address(self.exercise),
            html: page::frame(&title, &body),
            found,
        })
    }

    /// The page's own table of contents.
    fn contents(&self, sides: &[Told<'_>]) -> Markup {
        html! {
            nav.contents aria-label="On this page" {
                a href="#task" { "The task" }
                @if self.predict.is_some() { a href="#predict" { "Predict" } }
                @if self.run.is_some() { a href="#run" { "What happens" } }
                @for side in sides {
                    a href={ "#" (side.program.package) } { (side.program.package) }
                }
            }
        }
    }

    /// The transcript of both sides, and the way to the trace.
    fn what_happens(&self, journal: &Journal) -> Markup {
        let trace = trace_address(self.exercise);
        let sides: Vec<(&Program, String)> = self
            .exercise
            .programs
            .iter()
            .map(|program| {
                let side = match program.role {
                    Role::Server => Side::Server,
                    _ => Side::Client,
                };
                (program, printed(journal, side, Stream::Stdout))
            })
            .collect();
        html! {
            section #run aria-labelledby="run-title" {
                h2 #run-title { "What happens" }
                div.pair {
                    @for (program, text) in &sides {
                        figure {
                            figcaption { (program.package) " prints" }
                            @if text.is_empty() { p.nothing { "Nothing." } }
                            @else { pre.out { (text) } }
                        }
                    }
                }
                p.hint {
                    "Printed when this book was built."
                    @if sides.len() == 2 {
                        " The tests of this exercise compare these lines with those of the programs in Python."
                    }
                }
                details.trace data-trace=(trace) {
                    summary { "Every call and every segment of this run" }
                    p { a href=(trace) { "Open the trace on its own page" } }
                }
            }
        }
    }

    /// A program: its code in both languages, then what its README tells.
    fn told(&self, side: &Told<'_>) -> Markup {
        let package = &side.program.package;
        let rest = side.readme.sections.iter().skip(1);
        let rest = rest.filter(|section| text_of(&section.title) != "Run it");
        html! {
            section.program id=(package) aria-labelledby={ (package) "-title" } {
                h2 id={ (package) "-title" } { (role(side.program.role)) ": " code { (package) } }
                p.teaches { (side.program.teaches) "." }
                (side.rows)
                div.prose {
                    (side.hints)
                    @for section in rest {
                        h3 id=(section.id) { (made(&section.title)) }
                        (made(&section.html))
                    }
                }
            }
        }
    }

    fn around(&self) -> Markup {
        let [before, after] = self.around;
        html! {
            nav.around aria-label="Exercises before and after" {
                @if let Some(before) = before { a href=(address(before)) { "← " (before.title) } }
                @else { span {} }
                @if let Some(after) = after { a href=(address(after)) { (after.title) " →" } }
            }
        }
    }

    /// What the search finds on the page.
    fn found(&self, sides: &[Told<'_>]) -> Vec<Found> {
        let page = address(self.exercise);
        let entry = |anchor: &str, heading: String, body: String| Found {
            url: format!("{page}#{anchor}"),
            title: self.exercise.title.clone(),
            heading,
            body,
        };
        let mut found = Vec::new();
        for question in self.predict.map_or(&[][..], |(questions, _)| questions) {
            let body = format!("{} {}", question.ask, question.why);
            found.push(entry(
                &format!("predict-{}", question.id),
                "Predict".to_string(),
                body,
            ));
        }
        for side in sides {
            let package = &side.program.package;
            for (place, section) in side.readme.sections.iter().enumerate() {
                let heading = match place {
                    0 => package.clone(),
                    _ => format!("{package}: {}", text_of(&section.title)),
                };
                let anchor = match text_of(&section.title).as_str() {
                    "Run it" => "task",
                    _ => &section.id,
                };
                let mut body = section.text();
                if place == 0 {
                    body = format!("{} {} {body}", self.exercise.id, side.program.teaches);
                }
                found.push(entry(anchor, heading, body));
            }
        }
        found
    }
}

/// The program's two sources in rows; of them those whose key is wanted.
///
/// # Errors
///
/// When a file cannot be read, or the steps of the two do not pair.
pub fn side_by_side(
    root: &Path,
    program: &Program,
    mut wanted: impl FnMut(Option<&Key>) -> bool,
) -> anyhow::Result<Markup> {
    let folder = root.join(&program.folder);
    let main = folder.join("src/main.rs");
    let rust = read(&main)?;
    let twin = folder.join("twin.py");
    let python = if twin.exists() {
        read(&twin)?
    } else {
        String::new()
    };
    let mut rows = if python.is_empty() {
        vec![Row {
            key: None,
            left: 0..rust.lines().count(),
            right: 0..0,
        }]
    } else {
        steps::rows(&rust, &python)
            .with_context(|| format!("main.rs and twin.py of {} do not pair", program.package))?
    };
    rows.retain(|row| wanted(row.key.as_ref()));
    let left = code::lines(&rust, Language::Rust)?;
    let right = code::lines(&python, Language::Python)?;
    let package = &program.package;
    let heads = [(Language::Rust, "main.rs"), (Language::Python, "twin.py")];
    let both = !python.is_empty();
    Ok(html! {
        div.code.alone[!both] {
            div.heads {
                @for (language, name) in &heads[..if both { 2 } else { 1 }] {
                    div.head {
                        strong { (language.name()) } " "
                        a href={ "files/" (package) "/" (name) } download { (package) "/" (name) }
                    }
                }
            }
            @for (number, row) in rows.iter().enumerate() {
                div.row role="group" tabindex="0" id=(row_id(package, number, row))
                    aria-label=(label(row)) {
                    (cell(&left, row.left.clone()))
                    @if both { (cell(&right, row.right.clone())) }
                }
            }
        }
    })
}

fn intro(document: &Document) -> &Section {
    &document.sections[0]
}

/// The section that says how the program is run.
fn the_run(document: &Document) -> Option<&Section> {
    let mut sections = document.sections.iter();
    sections.find(|section| section.title == "Run it")
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Library => "The library",
        Role::Router => "The router",
        Role::Service => "The service",
        Role::Caller => "The caller",
        Role::Server => "The server",
        Role::Client => "The client",
        Role::Program => "The program",
    }
}

fn row_id(package: &str, number: usize, row: &Row) -> String {
    match &row.key {
        Some(Key::Step(step, _)) => format!("{package}-step-{step}"),
        _ => format!("{package}-part-{number}"),
    }
}

fn label(row: &Row) -> String {
    match &row.key {
        None => "The top of both files".to_string(),
        Some(Key::Step(number, words)) => format!("Step {number}: {words}"),
        Some(Key::Function(name)) => format!("The function {name}"),
    }
}

/// Some lines of a program, with their numbers.
fn cell(lines: &[String], range: std::ops::Range<usize>) -> Markup {
    let start = range.start;
    let lines = lines.get(range).unwrap_or_default();
    html! {
        pre style={ "counter-reset:l " (start) } {
            @for line in lines { span { (made(line)) "\n" } }
        }
    }
}
