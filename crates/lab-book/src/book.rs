//! `cargo lab book`: the command.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::anyhow;
use argh::{ArgsInfo, FromArgs};
use lab_core::catalog::Catalog;
use lab_core::process;
use labnet::{Hint, say};

use crate::folder::{File, Folder, Kind};
use crate::runs::{check_networks, shown};
use crate::site;

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

impl Book {
    /// Builds the book, and tells its sizes.
    ///
    /// # Errors
    ///
    /// When the folder holds something other than a book, a run cannot be recorded, a program's
    /// steps do not pair, or a page is too large.
    pub fn run(self) -> anyhow::Result<()> {
        let began = Instant::now();
        check_networks()?;
        process::stop_at_signals()?;
        let catalog = Catalog::read()?;
        let out = self.out.unwrap_or_else(|| catalog.root.join("target/book"));
        // Before the runs, which take long.
        let folder = Folder::at(&out)?;
        let files = site::files(&catalog)?;
        check_sizes(&files)?;
        folder.fill(&files)?;
        let size = |kind: &Kind| -> (usize, usize, usize) {
            let sizes = files.iter().filter(|file| file.kind == *kind);
            let sizes: Vec<usize> = sizes.map(|file| file.bytes.len()).collect();
            let largest = sizes.iter().max().copied().unwrap_or(0);
            (sizes.len(), sizes.iter().sum(), largest)
        };
        let (pages, page_bytes, largest) = size(&Kind::Page);
        let (traces, trace_bytes, _) = size(&Kind::Trace);
        let (pictures, picture_bytes, _) = size(&Kind::Picture);
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
        say!("{pictures} pictures: {} KB", kb(picture_bytes))?;
        say!(
            "search: {} KB; style, script and programs: {} KB",
            kb(search),
            kb(other)
        )?;
        say!(
            "all but the search: {} KB, built in {:.0} s",
            kb(page_bytes + trace_bytes + picture_bytes + other),
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
