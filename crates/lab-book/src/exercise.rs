//! The page of an exercise: its task, a recorded run, its programs side by side, what to notice.

use std::collections::BTreeMap;

use anyhow::Context;
use lab_core::catalog::{Catalog, Exercise, Program, Role, Roles, Sheet};
use lab_journal::model::Stream;
use lab_journal::{Exit, Journal, Side};
use maud::{Markup, html};

use crate::anonymous::has_masked_date;
use crate::code::text_of;
use crate::columns::side_by_side;
use crate::data::{Data, read};
use crate::hints;
use crate::judged::{self, Judged};
use crate::links::Links;
use crate::markdown::{self, Document, Section};
use crate::measure::{exits, printed};
use crate::page::{self, Found, Page, made};
use crate::predict;
use crate::recordings::{Recordings, in_python};
use crate::twins::{self, Twins};

/// The signal by which the tracer stops a program.
const SIGTERM: i32 = 15;

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
    /// What the book says about it.
    pub data: &'a Data,
    /// All runs.
    pub recordings: &'a Recordings,
    /// What the check says of its programs.
    pub judged: &'a [Judged],
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

/// The page that has a program: that of its exercise, and one for each program where there are
/// more than two.
pub fn address_of(exercise: &Exercise, program: &Program) -> String {
    match programs(exercise).count() > 2 {
        true => format!("{}.html", program.package),
        false => address(exercise),
    }
}

/// The programs of an exercise. A library has a chapter of its own.
pub fn programs(exercise: &Exercise) -> impl Iterator<Item = &Program> {
    let programs = exercise.programs.iter();
    programs.filter(|program| program.role != Role::Library)
}

impl Material<'_> {
    /// The page, and those of its programs where they have their own.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or the steps of two programs do not pair.
    pub fn pages(&self) -> anyhow::Result<Vec<Page>> {
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
                hints: hints::of(&main, "this page")?,
            });
        }
        let title = self.exercise.title.clone();
        let page = address(self.exercise);
        let run = self.run()?;
        let predict = match self.data.question.is_empty() {
            true => None,
            false => Some(predict::section(
                self.catalog,
                self.exercise,
                self.data,
                self.recordings,
            )?),
        };
        let (here, there) = match address_of(self.exercise, sides[0].program) == page {
            true => (&sides[..], &[][..]),
            false => (&[][..], &sides[..]),
        };
        let body = html! {
            p.eyebrow { (self.sheet.title) }
            h1 { (title) }
            (self.contents(here, predict.is_some(), run.is_some()))
            section #task aria-labelledby="task-title" {
                h2 #task-title { "The task" }
                div.prose {
                    @for side in &sides { (made(&intro(&side.readme).html)) }
                }
                @for side in here { (how_to_run(side)) }
                (how_to_check(&self.data.check))
                (judged::section(self.judged))
                @if !there.is_empty() {
                    ul.cards {
                        @for side in there {
                            li {
                                a href=(address_of(self.exercise, side.program)) {
                                    strong { (role(side.program.role)) ": " (side.program.package) }
                                    span { (side.program.teaches) "." }
                                }
                            }
                        }
                    }
                }
            }
            @if let Some(section) = &predict { (section) }
            @if let Some(journal) = run { (self.what_happens(journal)) }
            @for side in here { (self.told(side)) }
            (self.around())
            script type="application/json" id="twins" { (made(&self.twins()?)) }
        };
        let mut found = self.questions_found();
        found.extend(here.iter().flat_map(|side| self.found(side)));
        let mut pages = vec![Page {
            file: page,
            html: page::frame(&title, &body),
            found,
        }];
        pages.extend(there.iter().map(|side| self.page_of(side)));
        Ok(pages)
    }

    /// The page of one program.
    fn page_of(&self, side: &Told<'_>) -> Page {
        let package = &side.program.package;
        let body = html! {
            p.eyebrow { a href=(address(self.exercise)) { (self.exercise.title) } }
            h1 { (package) }
            div.prose { (made(&intro(&side.readme).html)) }
            (how_to_run(side))
            (self.told(side))
        };
        Page {
            file: address_of(self.exercise, side.program),
            html: page::frame(package, &body),
            found: self.found(side),
        }
    }

    /// The run that the page shows. A demo of three programs has none.
    fn run(&self) -> anyhow::Result<Option<&Journal>> {
        match self.exercise.roles()? {
            Roles::Demo(..) => Ok(None),
            _ => {
                let wanted = (self.exercise.id.clone(), self.data.run.clone());
                self.recordings.journal(&wanted).map(Some)
            }
        }
    }

    /// For each program the lines of its two sources that make the same calls, as JSON.
    fn twins(&self) -> anyhow::Result<String> {
        let mut twins: BTreeMap<&str, Twins> = BTreeMap::new();
        if let (Some(rust), Some(plan)) = (self.run()?, in_python(self.exercise, &self.data.run)) {
            let wanted = (self.exercise.id.clone(), plan);
            let python = self.recordings.journal(&wanted)?;
            for program in &self.exercise.programs {
                let lines = twins::twins(rust, python, side_of(program));
                twins.insert(&program.package, lines);
            }
        }
        serde_json::to_string(&twins).context("cannot write the twins")
    }

    /// The page's own table of contents.
    fn contents(&self, sides: &[Told<'_>], predict: bool, run: bool) -> Markup {
        html! {
            nav.contents aria-label="On this page" {
                a href="#task" { "The task" }
                @if predict { a href="#predict" { "Predict" } }
                @if run { a href="#run" { "What happens" } }
                @for side in sides {
                    a href={ "#" (side.program.package) } { (side.program.package) }
                }
            }
        }
    }

    /// The transcript of both sides, and the way to the trace.
    fn what_happens(&self, journal: &Journal) -> Markup {
        let trace = trace_address(self.exercise);
        let masked = [Side::Server, Side::Client].iter().any(|side| {
            let streams = [Stream::Stdout, Stream::Stderr];
            let mut texts = streams
                .map(|stream| printed(journal, *side, stream))
                .into_iter();
            texts.any(|text| has_masked_date(&text))
        });
        html! {
            section #run aria-labelledby="run-title" {
                h2 #run-title { "What happens" }
                div.pair {
                    @for program in &self.exercise.programs {
                        figure { (transcript(&program.package, journal, side_of(program))) }
                    }
                }
                p.hint {
                    "Printed when this book was built."
                    @if masked { " Letters stand for the date of that day, as in “DD Mon YYYY”." }
                    @if self.exercise.programs.len() == 2 {
                        " The tests of this exercise compare these lines with those of the programs in Python."
                    }
                }
                (page::trace(&trace, "Every call of this run, and every segment but bare ACKs", self.exercise))
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
                @if rest.clone().next().is_some() {
                    p.hint {
                        "Below the program: "
                        @for (place, section) in rest.clone().enumerate() {
                            @if place > 0 { " · " }
                            a href={ "#" (section.id) } { (made(&section.title)) }
                        }
                    }
                }
                // Before the solution.
                div.prose.hints { (side.hints) }
                (side.rows)
                div.prose {
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

    /// What the search finds of the questions.
    fn questions_found(&self) -> Vec<Found> {
        let page = address(self.exercise);
        let questions = self.data.question.iter().map(|question| Found {
            url: format!("{page}#predict-{}", question.id),
            title: self.exercise.title.clone(),
            heading: "Predict".to_string(),
            body: format!("{} {}", question.ask, question.why),
        });
        questions.collect()
    }

    /// What the search finds of a program.
    fn found(&self, side: &Told<'_>) -> Vec<Found> {
        let package = &side.program.package;
        let page = address_of(self.exercise, side.program);
        let sections = side.readme.sections.iter().enumerate();
        let sections = sections.map(|(place, section)| {
            let (heading, body) = match place {
                0 => (
                    package.clone(),
                    format!(
                        "{} {} {}",
                        self.exercise.id,
                        side.program.teaches,
                        section.text()
                    ),
                ),
                _ => (
                    format!("{package}: {}", text_of(&section.title)),
                    section.text(),
                ),
            };
            Found {
                url: format!("{page}#{}", section.id),
                title: self.exercise.title.clone(),
                heading,
                body,
            }
        });
        sections.collect()
    }
}

/// How a program is run, behind a click.
fn how_to_run(side: &Told<'_>) -> Markup {
    html! {
        @if let Some(run) = the_run(&side.readme) {
            details.how id=(run.id) {
                summary { "How to run " code { (side.program.package) } }
                div.prose { (made(&run.html)) }
            }
        }
    }
}

/// How a reader's own programs are checked, behind a click.
fn how_to_check(commands: &[String]) -> Markup {
    html! {
        @if !commands.is_empty() {
            details.how #check {
                summary { "How to check your own programs" }
                div.prose {
                    pre { code { @for words in commands { "$ cargo lab check " (words) "\n" } } }
                    p {
                        "Run it in the folder of the labs, with a program in any language. "
                        "The check plays the other side, and fills in what stands in braces: "
                        "a program that has its host, port or message in its source needs none of that. "
                        code { "cargo lab check --help" } " has the rest."
                    }
                }
            }
        }
    }
}

/// Which side of a run a program is.
pub fn side_of(program: &Program) -> Side {
    match program.role {
        Role::Server => Side::Server,
        _ => Side::Client,
    }
}

/// What one side of a run printed, and how it ended.
pub fn transcript(name: &str, journal: &Journal, side: Side) -> Markup {
    let stdout = printed(journal, side, Stream::Stdout);
    let stderr = printed(journal, side, Stream::Stderr);
    html! {
        p.caption { (name) " prints" }
        @if stdout.is_empty() && stderr.is_empty() { p.nothing { "Nothing." } }
        @if !stdout.is_empty() { pre.out { (stdout) } }
        @if !stderr.is_empty() {
            p.caption { "on stderr" }
            pre.out.err { (stderr) }
        }
        p.ending { (ending(journal, side)) }
    }
}

/// How a side ended, in words.
fn ending(journal: &Journal, side: Side) -> String {
    let ends = exits(journal, side);
    // This is how the tracer stops a server when its clients have left.
    let stopped = |exit: &Exit| exit.signal == Some(SIGTERM);
    if ends.is_empty() || ends.iter().all(stopped) {
        return "It was still running at the end, and was stopped.".to_string();
    }
    let words: Vec<String> = ends
        .iter()
        .map(|exit| match (exit.code, exit.signal) {
            (_, Some(signal)) => format!("by signal {signal}"),
            (Some(code), None) => format!("with exit code {code}"),
            (None, None) => "in a way that is not known".to_string(),
        })
        .collect();
    format!("It ended {}.", words.join(", "))
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
