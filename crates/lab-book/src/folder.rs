//! The folder that a book is written to. The book is made next to it and moved there when it is
//! whole, so there is never half a book; and only a folder that this program made is replaced.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, ensure};
use lab_core::staging::StagingDir;
use labnet::Hint;

/// A folder with this file is a book, and may be replaced.
const MARK: &str = ".lab-book";
const MARK_SAYS: &str = "Made by cargo lab book, which replaces this whole folder.\n";
/// The book in the folder where it is made.
const BOOK: &str = "book";

/// A file of the book.
#[derive(Debug)]
pub struct File {
    /// Its path in the book.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// What it is.
    pub kind: Kind,
}

/// What a file is: each kind has its own limit of size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A page.
    Page,
    /// A recorded run.
    Trace,
    /// The picture of a recorded run.
    Picture,
    /// What the search looks through.
    Search,
    /// The style, the script, the programs.
    Other,
}

/// A place for a book. Until it is filled, nothing there has changed.
#[derive(Debug)]
pub struct Folder {
    place: PathBuf,
    staging: StagingDir,
}

impl Folder {
    /// A place that may be replaced, and a folder next to it that can be written to.
    ///
    /// # Errors
    ///
    /// When something else is there, or the folder next to it cannot be made.
    pub fn at(place: &Path) -> anyhow::Result<Self> {
        let mut place = std::path::absolute(place).context("cannot tell where the book goes")?;
        if place.exists() {
            // A link stays: what it leads to is replaced.
            place = fs::canonicalize(&place)
                .with_context(|| format!("cannot follow {}", place.display()))?;
        }
        may_be_replaced(&place)?;
        let (Some(parent), Some(name)) = (place.parent(), place.file_name()) else {
            return Err(anyhow!("{} has no name", place.display()))
                .hint("name a folder with --out");
        };
        let name = format!(".{}-{}", name.to_string_lossy(), std::process::id());
        let staging = fs::create_dir_all(parent).and_then(|()| StagingDir::new(parent.join(name)));
        let staging = staging.with_context(|| format!("cannot write in {}", parent.display()))?;
        Ok(Folder { place, staging })
    }

    /// Writes a whole book and moves it to its place. What an older book left there goes.
    ///
    /// # Errors
    ///
    /// When the system cannot do it, or something else has come to the place meanwhile.
    pub fn fill(self, files: &[File]) -> anyhow::Result<()> {
        let write = |name: &str, bytes: &[u8]| {
            let written = self.staging.write(&format!("{BOOK}/{name}"), bytes);
            written.with_context(|| format!("cannot write {name}"))
        };
        write(MARK, MARK_SAYS.as_bytes())?;
        for file in files {
            write(&file.name, &file.bytes)?;
        }
        may_be_replaced(&self.place)?;
        let moved = self.staging.replace(BOOK, &self.place);
        moved.with_context(|| format!("cannot move the book to {}", self.place.display()))
    }
}

/// A place where nothing is, an empty folder, or an older book.
fn may_be_replaced(place: &Path) -> anyhow::Result<()> {
    if !place.exists() {
        return Ok(());
    }
    let shown = place.display();
    ensure!(place.is_dir(), "{shown} is not a folder");
    let mut inside = fs::read_dir(place).with_context(|| format!("cannot read {shown}"))?;
    if fs::symlink_metadata(place.join(".git")).is_ok() {
        return Err(anyhow!(
            "{shown} is a Git repository, and its history would be lost"
        ))
        .hint("build into another folder, and copy the book from there");
    }
    if inside.next().is_some() && !place.join(MARK).is_file() {
        return Err(anyhow!("{shown} has files that are not a book's"))
            .hint("name a new folder with --out, or empty this one");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(name: &str) -> [File; 1] {
        [File {
            name: name.to_string(),
            bytes: b"text".to_vec(),
            kind: Kind::Page,
        }]
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().to_string())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn only_a_book_is_replaced_and_as_a_whole() {
        let around = tempfile::tempdir().unwrap();
        let place = around.path().join("a/book");
        Folder::at(&place).unwrap().fill(&book("one.html")).unwrap();
        assert_eq!(names(&place), [".lab-book", "one.html"]);
        Folder::at(&place)
            .unwrap()
            .fill(&book("b/two.html"))
            .unwrap();
        assert_eq!(names(&place), [".lab-book", "b"]);
        // Nothing is left next to it.
        assert_eq!(names(place.parent().unwrap()), ["book"]);
        let empty = around.path().join("empty");
        fs::create_dir(&empty).unwrap();
        Folder::at(&empty).unwrap().fill(&book("x.html")).unwrap();
    }

    #[test]
    fn what_somebody_else_made_stays() {
        let around = tempfile::tempdir().unwrap();
        let place = around.path();
        // A style of that name does not make it a book.
        fs::write(place.join("book.css"), "p {}").unwrap();
        fs::write(place.join("thesis.tex"), "all of it").unwrap();
        let error = Folder::at(place).unwrap_err().to_string();
        assert!(error.contains("files that are not a book's"), "{error}");
        assert_eq!(names(place), ["book.css", "thesis.tex"]);
        // A repository stays, even one that holds a book.
        let repository = place.join("pages");
        fs::create_dir_all(repository.join(".git")).unwrap();
        fs::write(repository.join(MARK), "").unwrap();
        let error = Folder::at(&repository).unwrap_err().to_string();
        assert!(error.contains("a Git repository"), "{error}");
        let file = place.join("thesis.tex");
        assert!(
            Folder::at(&file)
                .unwrap_err()
                .to_string()
                .contains("not a folder")
        );
    }

    #[test]
    fn a_place_that_is_taken_meanwhile_stays_and_a_book_given_up_leaves_nothing() {
        let around = tempfile::tempdir().unwrap();
        let place = around.path().join("book");
        let folder = Folder::at(&place).unwrap();
        fs::create_dir(&place).unwrap();
        fs::write(place.join("mine.txt"), "mine").unwrap();
        folder.fill(&book("one.html")).unwrap_err();
        assert_eq!(names(around.path()), ["book"]);
        assert_eq!(names(&place), ["mine.txt"]);
        drop(Folder::at(&around.path().join("other")).unwrap());
        assert_eq!(names(around.path()), ["book"]);
    }

    #[test]
    #[cfg(unix)]
    fn a_link_to_a_book_stays_a_link() {
        let around = tempfile::tempdir().unwrap();
        let link = around.path().join("link");
        fs::create_dir(around.path().join("real")).unwrap();
        std::os::unix::fs::symlink("real", &link).unwrap();
        Folder::at(&link).unwrap().fill(&book("one.html")).unwrap();
        assert!(link.is_symlink());
        assert!(around.path().join("real/one.html").exists());
    }
}
