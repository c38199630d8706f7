//! Where a link of a document leads in the book.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Where a link leads.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// To a page, or out of the book.
    Url(String),
    /// Nowhere: the book has no page about this file.
    Nowhere(String),
}

/// What the book has pages about.
#[derive(Debug)]
pub struct Links {
    root: PathBuf,
    /// Folders and documents, by their path from the workspace's root.
    pages: BTreeMap<String, String>,
    /// Source files that a link leads to. Each gets a page.
    sources: RefCell<BTreeSet<String>>,
}

impl Links {
    /// With these pages: path from the workspace's root, and address in the book.
    pub fn new(root: &Path, pages: BTreeMap<String, String>) -> Self {
        Links {
            root: root.to_path_buf(),
            pages,
            sources: RefCell::default(),
        }
    }

    /// Source files that links lead to, so far.
    pub fn sources(&self) -> BTreeSet<String> {
        self.sources.borrow().clone()
    }

    /// Where a link in the document `file` leads. `prefix` begins the anchors of that document.
    pub fn resolve(&self, file: &str, href: &str, prefix: &str) -> Target {
        if href.contains("://") || href.starts_with("mailto:") {
            return Target::Url(href.to_string());
        }
        let (path, anchor) = match href.split_once('#') {
            Some((path, anchor)) => (path, Some(anchor)),
            None => (href, None),
        };
        if path.is_empty() {
            return Target::Url(format!("#{prefix}{}", anchor.unwrap_or("")));
        }
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = joined(folder, path);
        let document = path.strip_suffix("/README.md").unwrap_or(&path);
        if let Some(url) = self.pages.get(document) {
            return Target::Url(match (anchor, url.split_once('#')) {
                // A page of several documents: each has its own prefix.
                (Some(anchor), Some((page, own))) => format!("{page}#{own}-{anchor}"),
                (Some(anchor), None) => format!("{url}#{anchor}"),
                (None, _) => url.clone(),
            });
        }
        let source = path.ends_with(".rs") || path.ends_with(".py");
        if source && self.root.join(&path).is_file() {
            self.sources.borrow_mut().insert(path.clone());
            return Target::Url(source_page(&path));
        }
        Target::Nowhere(path)
    }

    /// With these pages and no files.
    #[cfg(test)]
    pub fn for_tests(pages: &[(&str, &str)]) -> Self {
        let pages = pages
            .iter()
            .map(|(path, url)| (path.to_string(), url.to_string()));
        Links::new(Path::new("/nowhere"), pages.collect())
    }
}

/// The page of a source file.
pub fn source_page(path: &str) -> String {
    let name = path.strip_prefix("crates/").unwrap_or(path);
    format!("source-{}.html", name.replace('/', "-"))
}

/// A path that begins in a folder, without `..`.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_pages_and_anchors() {
        let links = Links::for_tests(&[("crates/a", "x.html#a"), ("RUST.md", "rust.html")]);
        let resolve = |href: &str| match links.resolve("crates/z/README.md", href, "z-") {
            Target::Url(url) => url,
            Target::Nowhere(path) => format!("nowhere: {path}"),
        };
        assert_eq!(resolve("../a"), "x.html#a");
        assert_eq!(resolve("../a/README.md#try-this"), "x.html#a-try-this");
        assert_eq!(
            resolve("../../RUST.md#the-language"),
            "rust.html#the-language"
        );
        assert_eq!(resolve("#try-this"), "#z-try-this");
        assert_eq!(resolve("src/no.rs"), "nowhere: crates/z/src/no.rs");
        assert_eq!(resolve("https://a.org/#b"), "https://a.org/#b");
        assert_eq!(
            source_page("crates/labnet/src/frames.rs"),
            "source-labnet-src-frames.rs.html"
        );
    }
}
