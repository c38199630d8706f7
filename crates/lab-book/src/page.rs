//! The frame around every page.

use lab_core::catalog::{Exercise, Role};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The book's name.
pub const TITLE: &str = "Sockets, side by side";

/// A page of the book.
#[derive(Debug)]
pub struct Page {
    /// The name of its file.
    pub file: String,
    /// Its whole document.
    pub html: String,
    /// What the search finds on it.
    pub found: Vec<Found>,
}

/// A part of a page that the search can find.
#[derive(Debug, serde::Serialize)]
pub struct Found {
    /// Its address.
    #[serde(rename = "u")]
    pub url: String,
    /// The page's title.
    #[serde(rename = "t")]
    pub title: String,
    /// The part's heading.
    #[serde(rename = "h")]
    pub heading: String,
    /// Its words.
    #[serde(rename = "b")]
    pub body: String,
}

/// The document of a page.
pub fn frame(title: &str, body: &Markup) -> String {
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) @if title != TITLE { " · " (TITLE) } }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="book.css";
                script src="book.js" defer {}
            }
            body {
                a.skip href="#main" { "Skip to the text" }
                header.top {
                    a.brand href="index.html" { (TITLE) }
                    nav aria-label="Book" {
                        a href="index.html#exercises" { "Exercises" }
                        a href="index.html#chapters" { "Chapters" }
                    }
                    form.search role="search" hidden {
                        input type="search" id="search" aria-label="Search the book"
                            placeholder="Search" autocomplete="off";
                        div #results role="region" aria-label="Search results" hidden {}
                    }
                }
                main #main { (body) }
                footer.bottom {
                    p {
                        "Made by " code { "cargo lab book" }
                        " from the programs, their READMEs, and runs recorded when this page was built."
                    }
                }
            }
        }
    };
    whole.into_string()
}

/// A trace that is loaded when it is opened. The programs of an exercise are named so that a call
/// lights its line in them.
pub fn trace(address: &str, summary: &str, exercise: &Exercise) -> Markup {
    let of = |wanted: fn(Role) -> bool| {
        let mut programs = exercise.programs.iter();
        programs
            .find(|program| wanted(program.role))
            .map(|program| program.package.as_str())
    };
    html! {
        details.trace data-trace=(address)
            data-server=[of(|role| role == Role::Server)]
            data-client=[of(|role| matches!(role, Role::Client | Role::Program))] {
            summary { (summary) }
            p {
                a href=(address) { "Open the trace on its own page" } " · "
                a href=(picture_address(address)) download { "SVG for a slide" }
            }
        }
    }
}

/// The address of a run's picture: next to its page.
pub fn picture_address(trace: &str) -> String {
    trace.replace(".html", ".svg")
}

/// HTML that was made by this program.
pub fn made(html: &str) -> PreEscaped<&str> {
    PreEscaped(html)
}
