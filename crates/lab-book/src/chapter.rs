//! A chapter: text in Markdown, into which parts of the workspace are put by reference.
//!
//! A block of code whose language is one of these is replaced by what it names:
//!
//! | block | what it holds | what is shown |
//! |---|---|---|
//! | `document` | `crates/NAME/README.md` | the whole document, without its title |
//! | `include` | `crates/NAME/README.md: Heading` | that section of a document |
//! | `steps` | `NAME 1-4` | these numbered steps of a program, in both languages |
//! | `hints` | `NAME 1-4` | the hints for these steps, behind clicks |
//! | `file` | `crates/NAME/src/sum.rs` | a whole file |
//! | `run` | a run as TOML | what both sides print, how they end, the trace; if asked, a picture |
//! | `toy` | a stream of bytes | the stream, to be cut by the reader |
//!
//! What is not there is an error when the book is built.

use std::fs;

use anyhow::{Context, anyhow, bail, ensure};
use lab_core::catalog::{Catalog, Program};
use lab_journal::Side;
use labnet::Hint;
use maud::{Markup, html};
use serde::Deserialize;

use crate::code::{self, Language, text_of};
use crate::columns::side_by_side;
use crate::data::read;
use crate::exercise::transcript;
use crate::hints;
use crate::links::Links;
use crate::markdown;
use crate::page::{self, Found, Page, made};
use crate::plan::{Plan, Wanted};
use crate::recordings::Recordings;
use crate::steps::Key;
use crate::toy;

/// The folder of the chapters, from the workspace's root.
const FOLDER: &str = "crates/lab-book/chapters";

/// A chapter as it was written.
#[derive(Debug)]
pub struct Chapter {
    /// Its page, without `.html`.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The line below the title.
    pub about: String,
    /// Its file, from the workspace's root.
    pub file: String,
    /// The document that it shows as a whole, after its own text: a block `document` names it.
    pub document: Option<String>,
    /// Its text.
    pub text: String,
    /// The runs that it shows, in their order.
    pub runs: Vec<Run>,
}

/// A run that a chapter shows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Run {
    /// Its name: `trace-NAME.html`.
    pub name: String,
    /// What it shows, in a line.
    pub title: String,
    /// The exercise whose programs take part.
    pub exercise: String,
    /// Whether the picture of its calls and segments is in sight, not only behind a click.
    #[serde(default)]
    pub picture: bool,
    /// How it is made.
    #[serde(default)]
    pub plan: Plan,
}

impl Run {
    /// The run that is needed.
    pub fn wanted(&self) -> Wanted {
        (self.exercise.clone(), self.plan.clone())
    }

    /// The address of its trace.
    pub fn address(&self) -> String {
        format!("trace-{}.html", self.name)
    }
}

/// The chapters in their order: `10-stream.md` is the chapter `stream`.
///
/// # Errors
///
/// When one cannot be read, or a run of it is not as it should be.
pub fn all(catalog: &Catalog) -> anyhow::Result<Vec<Chapter>> {
    let folder = catalog.root.join(FOLDER);
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {FOLDER}"))? {
        let name = entry.context("cannot read a folder")?.file_name();
        names.push(name.to_string_lossy().to_string());
    }
    names.sort();
    let mut chapters = Vec::new();
    for name in names {
        let text = read(&folder.join(&name))?;
        let short = name
            .strip_suffix(".md")
            .and_then(|name| name.split_once('-'));
        let (_, short) = short.with_context(|| format!("{name} is not named like 10-name.md"))?;
        let file = format!("{FOLDER}/{name}");
        chapters
            .push(Chapter::of(short, &file, text).with_context(|| format!("the chapter {name}"))?);
    }
    Ok(chapters)
}

impl Chapter {
    fn of(name: &str, file: &str, text: String) -> anyhow::Result<Self> {
        let mut lines = text.lines().filter(|line| !line.is_empty());
        let title = lines.next().and_then(|line| line.strip_prefix("# "));
        let title = title.context("it begins with `# Title`")?.to_string();
        let about = lines
            .next()
            .context("below the title is a line about it")?
            .to_string();
        let mut runs = Vec::new();
        let mut document = None;
        for (kind, words) in blocks(&text) {
            if kind == "run" {
                let run: Run = toml::from_str(words).context("a block `run` is not right")?;
                runs.push(run);
            }
            if kind == "document" {
                document = Some(words.trim().to_string());
            }
        }
        Ok(Chapter {
            name: name.to_string(),
            title,
            about,
            file: file.to_string(),
            document,
            text,
            runs,
        })
    }

    /// The address of its page.
    pub fn address(&self) -> String {
        format!("{}.html", self.name)
    }

    /// The page.
    ///
    /// # Errors
    ///
    /// When something that it names is not there.
    pub fn page(
        &self,
        catalog: &Catalog,
        links: &Links,
        recordings: &Recordings,
    ) -> anyhow::Result<Page> {
        let mut runs = self.runs.iter();
        let mut parts = Vec::new();
        let mut text = self.text.clone();
        for (kind, words) in blocks(&self.text) {
            let block = format!("```{kind}\n{words}```");
            let part = match kind {
                "document" => {
                    text = text.replacen(&block, "", 1);
                    continue;
                }
                "include" => included(catalog, links, words.trim())?,
                "steps" => steps(catalog, words.trim())?,
                "hints" => hinted(catalog, words.trim())?,
                "file" => file(catalog, words.trim())?,
                "toy" => toy::toy(words.trim())?,
                _ => {
                    let run = runs.next().context("more blocks than runs")?;
                    shown(catalog, run, recordings)?
                }
            };
            let mark = format!("<div>part {}</div>", parts.len());
            text = text.replacen(&block, &mark, 1);
            parts.push(part);
        }
        let mut document = markdown::read(&self.file, &text, "", links)?;
        for section in &mut document.sections {
            for (number, part) in parts.iter().enumerate() {
                let mark = format!("<div>part {number}</div>");
                section.html = section.html.replace(&mark, &part.0);
            }
        }
        if let Some(file) = &self.document {
            let text = read(&catalog.root.join(file))?;
            document
                .sections
                .extend(markdown::read(file, &text, "", links)?.sections);
        }
        // A heading of the third level is right below one of the second here.
        for section in &mut document.sections {
            section.html = section
                .html
                .replace("<h4 ", "<h3 ")
                .replace("</h4>", "</h3>");
        }
        let sections = &document.sections;
        let body = html! {
            p.eyebrow { "Chapter" }
            h1 { (made(&document.title)) }
            nav.contents aria-label="On this page" {
                @for section in sections.iter().filter(|section| !section.title.is_empty()) {
                    a href={ "#" (section.id) } { (made(&section.title)) }
                }
            }
            div.prose.chapter {
                @for section in sections {
                    @if !section.title.is_empty() { h2 id=(section.id) { (made(&section.title)) } }
                    (made(&section.html))
                }
            }
        };
        let found = sections.iter().map(|section| Found {
            url: match section.title.is_empty() {
                true => self.address(),
                false => format!("{}#{}", self.address(), section.id),
            },
            title: self.title.clone(),
            heading: text_of(&section.title),
            body: section.text(),
        });
        Ok(Page {
            file: self.address(),
            html: page::frame(&self.title, &body),
            found: found.collect(),
        })
    }
}

/// The blocks of a chapter that stand for something else: kind, and what is in them.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("\n```") {
        let Some((kind, inside)) = after.split_once('\n') else {
            break;
        };
        let Some((inside, after)) = inside.split_once("```") else {
            break;
        };
        if [
            "document", "include", "steps", "hints", "file", "run", "toy",
        ]
        .contains(&kind)
        {
            found.push((kind, inside));
        }
        rest = after;
    }
    found
}

/// `crates/NAME/README.md: Heading`.
fn included(catalog: &Catalog, links: &Links, words: &str) -> anyhow::Result<Markup> {
    let (file, heading) = words
        .split_once(": ")
        .with_context(|| format!("`{words}` names no heading"))?;
    let text = read(&catalog.root.join(file))?;
    let document = markdown::read(file, &text, "", links)?;
    let mut sections = document.sections.iter();
    let section = sections.find(|section| text_of(&section.title) == heading);
    let Some(section) = section else {
        let all: Vec<String> = document
            .sections
            .iter()
            .map(|one| text_of(&one.title))
            .collect();
        return Err(anyhow!("{file} has no heading {heading}")).hint(all.join("; "));
    };
    Ok(html! { (made(&section.html)) })
}

/// `NAME 3` or `NAME 1-4`.
fn steps(catalog: &Catalog, words: &str) -> anyhow::Result<Markup> {
    let (program, first, last) = steps_named(catalog, words)?;
    let mut seen = 0;
    let part = side_by_side(&catalog.root, program, |key| {
        let wanted = matches!(key, Some(Key::Step(step, _)) if (first..=last).contains(step));
        seen += usize::from(wanted);
        wanted
    })?;
    ensure!(
        seen == last + 1 - first,
        "{} has no step {first} to {last}",
        program.package
    );
    Ok(part)
}

/// The hints for `NAME 3` or `NAME 1-4`.
fn hinted(catalog: &Catalog, words: &str) -> anyhow::Result<Markup> {
    let (program, first, last) = steps_named(catalog, words)?;
    let rust = read(&catalog.root.join(&program.folder).join("src/main.rs"))?;
    hints::must(&rust, first, last)
}

/// The program and its first and last step that are named.
fn steps_named<'a>(
    catalog: &'a Catalog,
    words: &str,
) -> anyhow::Result<(&'a Program, usize, usize)> {
    let (package, steps) = words
        .split_once(' ')
        .with_context(|| format!("`{words}` names no steps"))?;
    let (first, last) = steps.split_once('-').unwrap_or((steps, steps));
    let (first, last): (usize, usize) = (first.parse()?, last.parse()?);
    let mut programs = catalog.exercises().flat_map(|one| &one.programs);
    let program = programs
        .find(|one| one.package == package)
        .with_context(|| format!("there is no program {package}"))?;
    Ok((program, first, last))
}

/// A whole file, colored.
fn file(catalog: &Catalog, path: &str) -> anyhow::Result<Markup> {
    let text = read(&catalog.root.join(path))?;
    let text = without_directives(&text);
    let language = match path.rsplit_once('.') {
        Some((_, "rs")) => Language::Rust,
        Some((_, "py")) => Language::Python,
        _ => bail!("{path} is neither Rust nor Python"),
    };
    let lines = code::lines(&text, language)?;
    Ok(html! {
        p.file { code { (path) } }
        pre.lines { @for line in &lines { span { (made(line)) "\n" } } }
    })
}

/// A program of the gallery without the comments that tell the checker's tests how to judge it.
fn without_directives(text: &str) -> String {
    let directive = |line: &str| {
        let words = line.strip_prefix("# ").or(line.strip_prefix("// "));
        words.is_some_and(|words| words.starts_with("check: ") || words.starts_with("fails: "))
    };
    let lines = text.split_inclusive('\n');
    lines.filter(|line| !directive(line)).collect()
}

/// What both sides print in a run, how they end, and its trace.
fn shown(catalog: &Catalog, run: &Run, recordings: &Recordings) -> anyhow::Result<Markup> {
    let wanted = run.wanted();
    let journal = recordings.journal(&wanted)?;
    let trace = &recordings.trace(&wanted)?.address;
    let exercise = catalog.exercise(&run.exercise)?;
    let title = markdown::inline(&run.title);
    Ok(html! {
        figure.run {
            figcaption { (made(&title)) }
            div.pair {
                @for (name, side) in [("The server", Side::Server), ("The client", Side::Client)] {
                    @if journal.processes.iter().any(|process| process.side == side) {
                        div { (transcript(name, journal, side)) }
                    }
                }
            }
            @if run.picture {
                div.picture role="region" tabindex="0" aria-label={ "Picture: " (text_of(&title)) } {
                    img src=(page::picture_address(trace)) loading="lazy"
                        alt="The calls of both sides and the segments between them, as in the trace below.";
                }
            }
            (page::trace(trace, "Every call of this run, and every segment but bare ACKs", exercise))
        }
    })
}
