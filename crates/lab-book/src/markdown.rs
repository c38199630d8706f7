//! A document in Markdown as sections of HTML, with its links made to fit the book.

use std::fmt::Write;

use pulldown_cmark::{
    CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html,
};

use crate::code::{self, Language, escaped, text_of};
use crate::links::{Links, Target};

/// A document: its title, and its sections. The first section has no title.
#[derive(Debug)]
pub struct Document {
    /// The heading of the first level, as HTML.
    pub title: String,
    /// What follows it, cut at the headings of the second level.
    pub sections: Vec<Section>,
}

/// A part of a document.
#[derive(Debug)]
pub struct Section {
    /// Its heading as HTML; empty before the first one.
    pub title: String,
    /// Its anchor on the page.
    pub id: String,
    /// What is below the heading.
    pub html: String,
}

impl Section {
    /// Its words, without marks.
    pub fn text(&self) -> String {
        text_of(&self.html)
    }
}

/// Reads a document. `file` is its path from the workspace's root. Its anchors begin with `prefix`,
/// because a page may hold several documents.
///
/// # Errors
///
/// When a block of code cannot be colored.
pub fn read(file: &str, text: &str, prefix: &str, links: &Links) -> anyhow::Result<Document> {
    let mut document = Document {
        title: String::new(),
        sections: vec![Section {
            title: String::new(),
            id: prefix.trim_end_matches('-').to_string(),
            html: String::new(),
        }],
    };
    let mut events: Vec<Event<'_>> = Vec::new();
    let mut block: Option<(String, String)> = None;
    let mut dead_links = Vec::new();
    let mut heading = None;
    let options = Options::ENABLE_TABLES;
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                if level == HeadingLevel::H2 {
                    close(&mut document, &mut events);
                }
                heading = Some((level, std::mem::take(&mut events)));
            }
            Event::End(TagEnd::Heading(_)) => {
                let Some((level, before)) = heading.take() else {
                    continue;
                };
                let inner = rendered(std::mem::replace(&mut events, before));
                let id = format!("{prefix}{}", slug(&text_of(&inner)));
                match level {
                    HeadingLevel::H1 => document.title = inner,
                    HeadingLevel::H2 => document.sections.push(Section {
                        title: inner,
                        id,
                        html: String::new(),
                    }),
                    _ => events.push(raw(format!("<h4 id=\"{id}\">{inner}</h4>\n"))),
                }
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(words) => words.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                block = Some((language, String::new()));
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((language, text)) = block.take() {
                    events.push(raw(code_block(&language, &text)?));
                }
            }
            Event::Text(words) if block.is_some() => {
                if let Some((_, text)) = &mut block {
                    text.push_str(&words);
                }
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                match links.resolve(file, &dest_url, prefix) {
                    Target::Url(url) => {
                        dead_links.push(false);
                        events.push(raw(format!("<a href=\"{}\">", escaped(&url))));
                    }
                    Target::Nowhere(path) => {
                        dead_links.push(true);
                        events.push(raw(format!("<span title=\"{}\">", escaped(&path))));
                    }
                }
            }
            Event::End(TagEnd::Link) => {
                let dead = dead_links.pop().unwrap_or(false);
                let end = if dead { "</span>" } else { "</a>" };
                events.push(raw(end.to_string()));
            }
            other => events.push(other),
        }
    }
    close(&mut document, &mut events);
    Ok(document)
}

fn raw<'a>(html: String) -> Event<'a> {
    Event::InlineHtml(CowStr::from(html))
}

/// Ends the last section.
fn close(document: &mut Document, events: &mut Vec<Event<'_>>) {
    let html = rendered(std::mem::take(events));
    if let Some(section) = document.sections.last_mut() {
        section.html.push_str(&html);
    }
}

fn rendered(events: Vec<Event<'_>>) -> String {
    let mut out = String::new();
    html::push_html(&mut out, events.into_iter());
    // A corner of a table is no heading.
    out.replace("<th></th>", "<td></td>")
}

/// A line or two of Markdown, such as a question or an answer, as HTML without a paragraph's tags.
pub fn inline(text: &str) -> String {
    let html = rendered(Parser::new(text).collect());
    let html = html.trim();
    match html
        .strip_prefix("<p>")
        .and_then(|html| html.strip_suffix("</p>"))
    {
        Some(one) if !one.contains("<p>") => one.to_string(),
        _ => html.to_string(),
    }
}

/// A block of code. In a terminal's block the commands stand out from what they print.
///
/// # Errors
///
/// When the code cannot be colored.
pub fn code_block(language: &str, text: &str) -> anyhow::Result<String> {
    let word = language.split([',', ' ']).next().unwrap_or("");
    let colored = match word {
        "rust" => Some(Language::Rust),
        "python" => Some(Language::Python),
        _ => None,
    };
    let mut out = String::new();
    if let Some(language) = colored {
        out.push_str("<pre>");
        for line in code::lines(text, language)? {
            out.push_str(&line);
            out.push('\n');
        }
    } else if word == "console" {
        out.push_str("<pre class=console>");
        for line in text.lines() {
            let words = escaped(line);
            let command = line.starts_with("$ ") || line.starts_with("> ");
            let _ = if command {
                writeln!(out, "<b>{words}</b>")
            } else {
                writeln!(out, "{words}")
            };
        }
    } else {
        // A drawing loses its sense when its lines are wrapped: it is scrolled, also by keyboard.
        out.push_str("<pre class=drawn tabindex=0>");
        out.push_str(&escaped(text));
    }
    out.push_str("</pre>\n");
    Ok(out)
}

/// A heading as an anchor, as GitHub makes it.
pub fn slug(heading: &str) -> String {
    let letters = heading.trim().chars().filter_map(|letter| match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        other if other.is_alphanumeric() => Some(other.to_ascii_lowercase()),
        _ => None,
    });
    letters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_cut_at_its_headings() {
        let links = Links::for_tests(&[("crates/a", "a.html")]);
        let text = "# T\n\nIntro [a](../a) [b](../b/x.md) [w](https://example.org).\n\n\
                    ## Try this\n\n1. Do it.\n   <details><summary>Answer</summary>\n\n   \
                    ```console\n   $ ls <x>\n   out\n   ```\n\n   </details>\n\n### More & more\n";
        let document = read("crates/z/README.md", text, "z-", &links).unwrap();
        assert_eq!(document.title, "T");
        assert_eq!(document.sections.len(), 2);
        let [intro, try_this] = &document.sections[..] else {
            unreachable!()
        };
        assert!(
            intro.html.contains("<a href=\"a.html\">a</a>"),
            "{}",
            intro.html
        );
        assert!(
            intro
                .html
                .contains("<span title=\"crates/b/x.md\">b</span>"),
            "{}",
            intro.html
        );
        assert!(
            intro.html.contains("<a href=\"https://example.org\">"),
            "{}",
            intro.html
        );
        assert_eq!(
            (intro.id.as_str(), try_this.id.as_str()),
            ("z", "z-try-this")
        );
        let html = &try_this.html;
        assert!(
            html.contains("<pre class=console><b>$ ls &lt;x&gt;</b>\nout\n</pre>"),
            "{html}"
        );
        assert!(
            html.contains("<h4 id=\"z-more--more\">More &amp; more</h4>"),
            "{html}"
        );
    }

    #[test]
    fn a_line_of_markdown_has_no_paragraph() {
        assert_eq!(
            inline("`recv` gives *4*"),
            "<code>recv</code> gives <em>4</em>"
        );
    }
}
