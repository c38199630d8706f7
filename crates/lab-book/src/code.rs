//! Code in colors: what each word is, as short tags of HTML, line by line.

use std::sync::OnceLock;

use anyhow::Context;
use tree_sitter_highlight::{Highlight, HighlightConfiguration, HighlightEvent, Highlighter};

/// What a grammar may call a word, and the tag that shows it. `b`, `i`, `q` and `u` are short,
/// and a reader of screens passes over them.
const TAGS: [(&str, &str, &str); 14] = [
    ("attribute", "<span class=a>", "</span>"),
    ("comment", "<i>", "</i>"),
    ("constant", "<q>", "</q>"),
    ("constant.builtin", "<q>", "</q>"),
    ("constructor", "<span class=t>", "</span>"),
    ("escape", "<q>", "</q>"),
    ("function", "<u>", "</u>"),
    ("function.builtin", "<u>", "</u>"),
    ("function.macro", "<u>", "</u>"),
    ("function.method", "<u>", "</u>"),
    ("keyword", "<b>", "</b>"),
    ("number", "<q>", "</q>"),
    ("string", "<q>", "</q>"),
    ("type", "<span class=t>", "</span>"),
];

/// The two languages of the labs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust.
    Rust,
    /// Python.
    Python,
}

impl Language {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Language::Rust => "Rust",
            Language::Python => "Python",
        }
    }

    /// What begins a comment.
    pub fn comment(self) -> &'static str {
        match self {
            Language::Rust => "//",
            Language::Python => "#",
        }
    }

    fn configuration(self) -> anyhow::Result<&'static HighlightConfiguration> {
        static RUST: OnceLock<HighlightConfiguration> = OnceLock::new();
        static PYTHON: OnceLock<HighlightConfiguration> = OnceLock::new();
        let (place, language, query) = match self {
            Language::Rust => (
                &RUST,
                tree_sitter_rust::LANGUAGE,
                tree_sitter_rust::HIGHLIGHTS_QUERY,
            ),
            Language::Python => (
                &PYTHON,
                tree_sitter_python::LANGUAGE,
                tree_sitter_python::HIGHLIGHTS_QUERY,
            ),
        };
        if let Some(made) = place.get() {
            return Ok(made);
        }
        let mut made = HighlightConfiguration::new(language.into(), self.name(), query, "", "")
            .with_context(|| format!("the grammar of {} does not load", self.name()))?;
        made.configure(&TAGS.map(|(name, _, _)| name));
        Ok(place.get_or_init(|| made))
    }
}

/// Each line of a program as HTML, without its line end.
///
/// # Errors
///
/// When the grammar does not load or gives up.
pub fn lines(text: &str, language: Language) -> anyhow::Result<Vec<String>> {
    let mut highlighter = Highlighter::new();
    let events = highlighter
        .highlight(
            language.configuration()?,
            text.as_bytes(),
            None,
            None,
            |_| None,
        )
        .context("the code cannot be colored")?;
    let mut lines = vec![String::new()];
    let mut open: Vec<Highlight> = Vec::new();
    for event in events {
        match event.context("the code cannot be colored")? {
            HighlightEvent::HighlightStart(highlight) => open.push(highlight),
            HighlightEvent::HighlightEnd => {
                open.pop();
            }
            HighlightEvent::Source { start, end } => {
                let tags = open.last().map(|highlight| TAGS[highlight.0]);
                for (place, piece) in text[start..end].split('\n').enumerate() {
                    if place > 0 {
                        lines.push(String::new());
                    }
                    if let Some(line) = lines.last_mut() {
                        put(line, piece, tags);
                    }
                }
            }
        }
    }
    // What follows the last line end is no line.
    if lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    Ok(lines)
}

/// Appends a piece of a line. A piece of the same kind as the one before it goes into the same tag.
fn put(line: &mut String, piece: &str, tags: Option<(&str, &str, &str)>) {
    if piece.is_empty() {
        return;
    }
    let words = escaped(piece);
    match tags {
        Some((_, begin, end)) if !piece.trim().is_empty() => {
            let joins = line.ends_with(end)
                && line.rfind('<').is_some_and(|last| {
                    line[..last]
                        .rfind('<')
                        .is_some_and(|first| line[first..].starts_with(begin))
                });
            if joins {
                line.truncate(line.len() - end.len());
            } else {
                line.push_str(begin);
            }
            line.push_str(&words);
            line.push_str(end);
        }
        _ => line.push_str(&words),
    }
}

/// A text in which HTML finds no mark of its own.
pub fn escaped(text: &str) -> String {
    maud::html! { (text) }.into_string()
}

/// Elements within a line: there is no space where one ends.
const INLINE: [&str; 11] = [
    "a", "b", "code", "em", "i", "kbd", "q", "span", "strong", "sup", "u",
];

/// The text of a piece of HTML: without tags, and with every mark itself again. What was in two
/// blocks is apart.
pub fn text_of(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        out.push_str(&rest[..start]);
        let (tag, after) = rest[start + 1..].split_once('>').unwrap_or_default();
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next();
        let within = name.is_some_and(|name| INLINE.contains(&name));
        if !within && !out.is_empty() && !out.ends_with(char::is_whitespace) {
            out.push(' ');
        }
        rest = after;
    }
    out.push_str(rest);
    out.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_their_tags_and_the_text_stays_the_same() {
        let rust = "// a <b>\nfn main() {\n    let x = \"a\\n<&\";\n}\n";
        let shown = lines(rust, Language::Rust).unwrap();
        assert_eq!(shown[0], "<i>// a &lt;b&gt;</i>");
        assert!(shown[1].starts_with("<b>fn</b> <u>main</u>"), "{shown:?}");
        assert!(
            shown[2].contains("<q>&quot;a\\n&lt;&amp;&quot;</q>"),
            "{shown:?}"
        );
        let again: String = shown.iter().map(|line| text_of(line) + "\n").collect();
        assert_eq!(again, rust);
        let python = "\"\"\"Says\nit.\"\"\"\nprint(f\"a {b}\")\n";
        let shown = lines(python, Language::Python).unwrap();
        assert_eq!(shown[1], "<q>it.&quot;&quot;&quot;</q>");
        let again: String = shown.iter().map(|line| text_of(line) + "\n").collect();
        assert_eq!(again, python);
    }

    #[test]
    fn words_of_two_blocks_are_apart_and_those_of_one_are_not() {
        let html = "<ul><li>one</li><li>t<b>w</b>o</li></ul><table><tr><td>a&lt;b</td><td><code>c</code>,</td></tr></table>x<br>y";
        assert_eq!(text_of(html), "one two a<b c, x y");
        assert_eq!(text_of("<code>recv</code>(<i>4</i>)"), "recv(4)");
    }
}
