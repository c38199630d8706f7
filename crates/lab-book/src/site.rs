//! The whole site: all pages, and the files that they need.

use std::collections::BTreeMap;

use anyhow::Context;
use lab_core::catalog::{Catalog, Exercise, Program, Sheet};
use lab_journal::html::{self, Heading};
use lab_journal::svg;
use maud::{Markup, html as markup};

use crate::chapter::{self, Chapter};
use crate::checks;
use crate::data::{self, Data, read};
use crate::exercise::{self, Material};
use crate::folder::{File, Kind};
use crate::judged;
use crate::links::Links;
use crate::markdown;
use crate::page::{self, Found, Page, made};
use crate::source;

const CSS: &str = include_str!("assets/book.css");
/// So many chapters come before the exercises: which way to take, and how to read Rust.
const FIRST_CHAPTERS: usize = 2;
const JS: &str = include_str!("assets/book.js");

/// Exercises with their sheets, in the order of the lists.
fn exercises(catalog: &Catalog) -> Vec<(&Sheet, &Exercise)> {
    let sheets = catalog.sheets.iter();
    sheets
        .flat_map(|sheet| {
            sheet
                .exercises
                .iter()
                .map(move |exercise| (sheet, exercise))
        })
        .collect()
}

/// All files of the book.
///
/// # Errors
///
/// When a run cannot be recorded or shows something other than it has to, a program's steps do not
/// pair, or a page names something that is not there.
pub fn files(catalog: &Catalog) -> anyhow::Result<Vec<File>> {
    let exercises = exercises(catalog);
    let chapters = chapter::all(catalog)?;
    let links = links(catalog, &exercises, &chapters);
    let all_data = all_data(catalog, &exercises)?;
    let alone: Vec<&Exercise> = exercises.iter().map(|(_, exercise)| *exercise).collect();
    let recordings = checks::record_all(catalog, &alone, &all_data, &chapters)?;
    let judged = judged::judge_all(catalog, &all_data)?;
    let mut files = Vec::new();
    for (wanted, trace) in &recordings.traces {
        let heading = Heading {
            title: &trace.title,
            back: Some((&trace.back.0, &trace.back.1)),
        };
        let journal = recordings.journal(wanted)?;
        let page = html::draw(journal, heading)?;
        files.push(file(&trace.address, page, Kind::Trace));
        let name = page::picture_address(&trace.address);
        files.push(file(&name, svg::draw(journal), Kind::Picture));
    }
    let mut pages = Vec::new();
    for (place, (sheet, exercise)) in exercises.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|place| exercises.get(place));
        let material = Material {
            catalog,
            sheet,
            exercise,
            links: &links,
            data: &all_data[exercise.id.as_str()],
            recordings: &recordings,
            judged: &judged[exercise.id.as_str()],
            around: [before, exercises.get(place + 1)].map(|one| one.map(|(_, one)| *one)),
        };
        let of_exercise = material.pages();
        pages.extend(of_exercise.with_context(|| format!("the page of {}", exercise.id))?);
        for program in exercise::programs(exercise) {
            files.extend(copies(catalog, program)?);
        }
    }
    for chapter in &chapters {
        let page = chapter.page(catalog, &links, &recordings);
        pages.push(page.with_context(|| format!("the chapter {}", chapter.name))?);
    }
    for path in links.sources() {
        pages.push(source::page(catalog, &path)?);
    }
    pages.push(index(catalog, &chapters));
    let found: Vec<&Found> = pages.iter().flat_map(|page| &page.found).collect();
    let found = serde_json::to_string(&found).context("cannot write the search")?;
    files.push(file("book.css", CSS.to_string(), Kind::Other));
    files.push(file("book.js", JS.to_string(), Kind::Other));
    let shared = html::SHARED.iter();
    files.extend(shared.map(|(name, text)| file(name, text.to_string(), Kind::Other)));
    let search = format!("window.bookFound({found});\n");
    files.push(file("search.js", search, Kind::Search));
    let pages = pages.into_iter();
    files.extend(pages.map(|page| file(&page.file, page.html, Kind::Page)));
    Ok(files)
}

fn file(name: &str, text: String, kind: Kind) -> File {
    File {
        name: name.to_string(),
        bytes: text.into_bytes(),
        kind,
    }
}

/// Where the documents' links lead.
fn links(catalog: &Catalog, exercises: &[(&Sheet, &Exercise)], chapters: &[Chapter]) -> Links {
    let mut pages = BTreeMap::new();
    for (_, exercise) in exercises {
        for program in exercise::programs(exercise) {
            let page = exercise::address_of(exercise, program);
            let url = format!("{page}#{}", program.package);
            for file in ["", "/src/main.rs", "/twin.py"] {
                pages.insert(format!("{}{file}", program.folder), url.clone());
            }
        }
    }
    for chapter in chapters {
        pages.insert(chapter.file.clone(), chapter.address());
        if let Some(document) = &chapter.document {
            let name = document.strip_suffix("/README.md").unwrap_or(document);
            pages.insert(name.to_string(), chapter.address());
        }
    }
    Links::new(&catalog.root, pages)
}

/// The data of each exercise.
fn all_data<'a>(
    catalog: &Catalog,
    exercises: &[(&Sheet, &'a Exercise)],
) -> anyhow::Result<BTreeMap<&'a str, Data>> {
    let read = |(_, exercise): &(&Sheet, &'a Exercise)| {
        Ok((exercise.id.as_str(), data::of(&catalog.root, &exercise.id)?))
    };
    exercises.iter().map(read).collect()
}

/// The programs of an exercise as files, byte for byte.
fn copies(catalog: &Catalog, program: &Program) -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    for (path, name) in [("src/main.rs", "main.rs"), ("twin.py", "twin.py")] {
        let path = catalog.root.join(&program.folder).join(path);
        if path.exists() {
            let name = format!("files/{}/{name}", program.package);
            files.push(file(&name, read(&path)?, Kind::Other));
        }
    }
    Ok(files)
}

/// The first page.
fn index(catalog: &Catalog, chapters: &[Chapter]) -> Page {
    let body = markup! {
        div.hero {
            h1 { (page::TITLE) }
            p.lead {
                "Every exercise of five course sheets, in Rust and in Python, step by step next to each other. "
                "What you see the programs print is what they printed when this book was built; "
                "only dates and paths are masked."
            }
            p {
                "To run it yourself: clone the repository of the labs, install "
                a href="https://rustup.rs" { "Rust" }
                " and Python 3.8 or newer, and run the commands in the clone. "
                a href="path.html#if-you-teach" { "If you teach" }
                ": slides, questions, starters, grades."
            }
            p {
                "New here? Begin with: "
                @for (place, chapter) in chapters.iter().take(FIRST_CHAPTERS).enumerate() {
                    @if place > 0 { ", " }
                    a href=(chapter.address()) { (chapter.title) }
                }
                "."
            }
        }
        section #exercises aria-labelledby="exercises-title" {
            h2 #exercises-title { "Exercises" }
            @for sheet in &catalog.sheets {
                h3 { (sheet.title) }
                ul.cards { @for exercise in &sheet.exercises { (card(exercise)) } }
            }
        }
        section #chapters aria-labelledby="chapters-title" {
            h2 #chapters-title { "Chapters" }
            ul.cards {
                @for chapter in chapters {
                    li {
                        a href=(chapter.address()) {
                            strong { (chapter.title) }
                            span { (made(&markdown::inline(&chapter.about))) }
                        }
                    }
                }
            }
        }
    };
    Page {
        file: "index.html".to_string(),
        html: page::frame(page::TITLE, &body),
        found: Vec::new(),
    }
}

fn card(exercise: &Exercise) -> Markup {
    markup! {
        li {
            a href=(exercise::address(exercise)) {
                strong { (exercise.title) }
                @for program in &exercise.programs { span { (program.teaches) "." } }
            }
        }
    }
}
