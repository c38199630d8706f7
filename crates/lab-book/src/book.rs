//! `cargo lab book`: builds the whole site.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use lab_core::catalog::{Catalog, Exercise, Program, Roles, Sheet};
use lab_core::process;
use lab_journal::{Journal, html};
use labnet::{Hint, log, say};
use maud::{Markup, html as markup};

use crate::chapter::{self, Chapter};
use crate::data::{self, Data, read};
use crate::exercise::{self, Material};
use crate::links::Links;
use crate::markdown;
use crate::page::{self, Found, Page, made};
use crate::predict;
use crate::question::Wanted;
use crate::runs::{Plan, Studio, shown};
use crate::source;

const CSS: &str = include_str!("assets/book.css");
const JS: &str = include_str!("assets/book.js");

/// How many bytes a page may have; a trace is a page of its own and not counted here.
const PAGE_LIMIT: usize = 100 * 1024;
/// How many bytes the whole book may have, the search left out.
const BOOK_LIMIT: usize = 3 * 1024 * 1024;

/// Builds the labs as a site: programs side by side, what really happened when they ran, answers.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "book",
    help_triggers("-h", "--help"),
    example = "cargo lab book --open",
    example = "cargo lab book --out public"
)]
pub struct Book {
    /// open the book in the browser when it is built
    #[argh(switch)]
    open: bool,
    /// the folder that the book is written to (default target/book)
    #[argh(option)]
    out: Option<PathBuf>,
}

/// A file of the book.
struct File {
    name: String,
    bytes: Vec<u8>,
    kind: Kind,
}

#[derive(PartialEq, Eq)]
enum Kind {
    Page,
    Trace,
    Search,
    Other,
}

impl Book {
    /// Builds the book, and tells its sizes.
    ///
    /// # Errors
    ///
    /// When a run cannot be recorded, a program's steps do not pair, or a page is too large.
    pub fn run(self) -> anyhow::Result<()> {
        let began = Instant::now();
        process::stop_at_signals()?;
        let catalog = Catalog::read()?;
        let out = self.out.unwrap_or_else(|| catalog.root.join("target/book"));
        let files = files(&catalog)?;
        write(&out, &files)?;
        let size = |kind: &Kind| -> (usize, usize, usize) {
            let sizes = files.iter().filter(|file| file.kind == *kind);
            let sizes: Vec<usize> = sizes.map(|file| file.bytes.len()).collect();
            let largest = sizes.iter().max().copied().unwrap_or(0);
            (sizes.len(), sizes.iter().sum(), largest)
        };
        let (pages, page_bytes, largest) = size(&Kind::Page);
        let (traces, trace_bytes, _) = size(&Kind::Trace);
        let (_, search, _) = size(&Kind::Search);
        let (_, other, _) = size(&Kind::Other);
        let index = out.join("index.html");
        say!("{}", shown(&catalog.root, &index))?;
        say!(
            "{pages} pages: {} KB, the largest {} KB",
            kb(page_bytes),
            kb(largest)
        )?;
        say!("{traces} traces: {} KB", kb(trace_bytes))?;
        say!(
            "search: {} KB; style, script and programs: {} KB",
            kb(search),
            kb(other)
        )?;
        say!(
            "all but the search: {} KB, built in {:.0} s",
            kb(page_bytes + trace_bytes + other),
            began.elapsed().as_secs_f64()
        )?;
        if self.open {
            open(&index)?;
        }
        Ok(())
    }
}

fn kb(bytes: usize) -> usize {
    bytes.div_ceil(1024)
}

/// Opens a file with the program that the desktop has for it.
fn open(file: &Path) -> anyhow::Result<()> {
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let opened = Command::new(opener).arg(file).status();
    let hint = || format!("open this file in your browser: {}", file.display());
    match opened {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(anyhow!("{opener} failed ({status})")).hint(hint()),
        Err(error) => Err(anyhow!("cannot start {opener}: {error}")).hint(hint()),
    }
}

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
fn files(catalog: &Catalog) -> anyhow::Result<Vec<File>> {
    let exercises = exercises(catalog);
    let chapters = chapter::all(catalog)?;
    let links = links(catalog, &exercises, &chapters);
    let all_data = all_data(catalog, &exercises)?;
    let (recorded, traces) = record(catalog, &exercises, &all_data, &chapters)?;
    let mut files = Vec::new();
    for (wanted, trace) in &traces {
        let journal = recorded.get(wanted).context("a run was not recorded")?;
        files.push(File {
            name: trace.address.clone(),
            bytes: html::draw(journal, &trace.title)?.into_bytes(),
            kind: Kind::Trace,
        });
    }
    let mut pages = Vec::new();
    for (place, (sheet, exercise)) in exercises.iter().enumerate() {
        let data = &all_data[exercise.id.as_str()];
        let before = place.checked_sub(1).and_then(|place| exercises.get(place));
        let predict = match data.question.is_empty() {
            true => None,
            false => Some(predict::section(catalog, exercise, data, |wanted| {
                traces[wanted].address.clone()
            })?),
        };
        let material = Material {
            catalog,
            sheet,
            exercise,
            links: &links,
            run: recorded.get(&(exercise.id.clone(), data.run.clone())),
            predict: predict
                .as_ref()
                .map(|section| (&data.question[..], section)),
            around: [before, exercises.get(place + 1)].map(|one| one.map(|(_, one)| *one)),
        };
        let page = material.page();
        pages.push(page.with_context(|| format!("the page of {}", exercise.id))?);
        for program in exercise::programs(exercise) {
            files.extend(copies(catalog, program)?);
        }
    }
    for chapter in &chapters {
        let page = chapter.page(catalog, &links, |run| {
            let wanted = run.wanted();
            Some((
                recorded.get(&wanted)?,
                traces.get(&wanted)?.address.as_str(),
            ))
        });
        pages.push(page.with_context(|| format!("the chapter {}", chapter.name))?);
    }
    for path in links.sources() {
        pages.push(source::page(catalog, &path)?);
    }
    pages.push(index(catalog, &chapters));
    let found: Vec<&Found> = pages.iter().flat_map(|page| &page.found).collect();
    let found = serde_json::to_string(&found).context("cannot write the search")?;
    let assets = [
        ("book.css", CSS.to_string(), Kind::Other),
        ("book.js", JS.to_string(), Kind::Other),
        (
            "search.js",
            format!("window.bookFound({found});\n"),
            Kind::Search,
        ),
    ];
    files.extend(assets.map(|(name, text, kind)| File {
        name: name.to_string(),
        bytes: text.into_bytes(),
        kind,
    }));
    files.extend(pages.into_iter().map(|page| File {
        name: page.file,
        bytes: page.html.into_bytes(),
        kind: Kind::Page,
    }));
    check_sizes(&files)?;
    Ok(files)
}

/// Where the documents' links lead.
fn links(catalog: &Catalog, exercises: &[(&Sheet, &Exercise)], chapters: &[Chapter]) -> Links {
    let mut pages = BTreeMap::new();
    for (_, exercise) in exercises {
        for program in exercise::programs(exercise) {
            let url = format!("{}#{}", exercise::address(exercise), program.package);
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

/// The page of a run.
struct Trace {
    address: String,
    title: String,
}

/// Records the runs of the exercises, of the chapters and of the questions, and checks what the
/// questions say. A run that is wanted twice is recorded once.
fn record(
    catalog: &Catalog,
    exercises: &[(&Sheet, &Exercise)],
    all_data: &BTreeMap<&str, Data>,
    chapters: &[Chapter],
) -> anyhow::Result<(BTreeMap<Wanted, Journal>, BTreeMap<Wanted, Trace>)> {
    let mut programs: Vec<&Program> = Vec::new();
    let mut traces: BTreeMap<Wanted, Trace> = BTreeMap::new();
    let mut wanted: BTreeSet<Wanted> = BTreeSet::new();
    let mut name = |wanted: Wanted, address: String, title: &str| {
        let title = title.to_string();
        traces.entry(wanted).or_insert(Trace { address, title });
    };
    for (_, exercise) in exercises {
        if matches!(exercise.roles()?, Roles::Demo(..)) {
            continue;
        }
        programs.extend(&exercise.programs);
        let data = &all_data[exercise.id.as_str()];
        let title = format!("{}: what happened", exercise.title);
        let of_page = (exercise.id.clone(), data.run.clone());
        name(of_page, exercise::trace_address(exercise), &title);
        for question in &data.question {
            let of_question = (exercise.id.clone(), question.plan(&data.run));
            let address = format!("trace-{}-{}.html", exercise.id, question.id);
            name(of_question, address, &title);
            wanted.extend(question.runs(exercise, &data.run));
        }
    }
    for run in chapters.iter().flat_map(|chapter| &chapter.runs) {
        name(run.wanted(), run.address(), &run.title.replace('`', ""));
    }
    wanted.extend(traces.keys().cloned());
    log!("recording {} runs …", wanted.len());
    let studio = Studio::new(catalog, &programs)?;
    let list: Vec<(&str, &Plan)> = wanted
        .iter()
        .map(|(id, plan)| (id.as_str(), plan))
        .collect();
    let journals = studio.record_all(catalog, &list)?;
    let recorded: BTreeMap<Wanted, Journal> = wanted.into_iter().zip(journals).collect();
    for (_, exercise) in exercises {
        let data = &all_data[exercise.id.as_str()];
        for question in &data.question {
            let runs = question.runs(exercise, &data.run);
            let journals: Vec<&Journal> = runs.iter().map(|wanted| &recorded[wanted]).collect();
            question.check(&journals).context(exercise.id.clone())?;
        }
    }
    Ok((recorded, traces))
}

/// The programs of an exercise as files, byte for byte.
fn copies(catalog: &Catalog, program: &Program) -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    for (path, name) in [("src/main.rs", "main.rs"), ("twin.py", "twin.py")] {
        let path = catalog.root.join(&program.folder).join(path);
        if path.exists() {
            files.push(File {
                name: format!("files/{}/{name}", program.package),
                bytes: read(&path)?.into_bytes(),
                kind: Kind::Other,
            });
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
                "What you see the programs print is what they printed when this book was built."
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

fn check_sizes(files: &[File]) -> anyhow::Result<()> {
    let mut all = 0;
    for file in files {
        let size = file.bytes.len();
        if file.kind == Kind::Page && size > PAGE_LIMIT {
            return Err(anyhow!("{} has {} KB", file.name, kb(size)))
                .hint(format!("a page has at most {} KB", kb(PAGE_LIMIT)));
        }
        if file.kind != Kind::Search {
            all += size;
        }
    }
    if all > BOOK_LIMIT {
        return Err(anyhow!("the book has {} KB", kb(all))).hint(format!(
            "it may have {} KB without its search",
            kb(BOOK_LIMIT)
        ));
    }
    Ok(())
}

/// Writes the book into a folder, which is made. What an older book left there goes.
fn write(out: &Path, files: &[File]) -> anyhow::Result<()> {
    const MARK: &str = "book.css";
    if out.exists() {
        let is_book = out.join(MARK).exists();
        let mut inside =
            fs::read_dir(out).with_context(|| format!("cannot read {}", out.display()))?;
        if !is_book && inside.next().is_some() {
            return Err(anyhow!("{} has other files in it", out.display()))
                .hint("name a new folder with --out");
        }
        fs::remove_dir_all(out).with_context(|| format!("cannot remove {}", out.display()))?;
    }
    for file in files {
        let path = out.join(&file.name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&path, &file.bytes)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
