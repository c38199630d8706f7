//! The page of one source file that a page links to.

use lab_core::catalog::Catalog;
use maud::html;

use crate::code::{self, Language};
use crate::data::read;
use crate::links::source_page;
use crate::page::{self, Page, made};

/// The page of a file, by its path from the workspace's root.
///
/// # Errors
///
/// When the file cannot be read or colored.
pub fn page(catalog: &Catalog, path: &str) -> anyhow::Result<Page> {
    let text = read(&catalog.root.join(path))?;
    let language = match path.ends_with(".py") {
        true => Language::Python,
        false => Language::Rust,
    };
    let lines = code::lines(&text, language)?;
    let body = html! {
        p.eyebrow { (language.name()) }
        h1.path { (path) }
        div.code.alone {
            div.row { pre { @for line in &lines { span { (made(line)) "\n" } } } }
        }
    };
    Ok(Page {
        file: source_page(path),
        html: page::frame(path, &body),
        found: Vec::new(),
    })
}
