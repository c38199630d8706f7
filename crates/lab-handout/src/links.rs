//! A README that moves to the top of a hand-out: its headings and where its links lead.

use crate::bundle::Files;

/// A README of a folder, to be read at the top: its headings one deeper, its links from the top. A
/// link to what is not handed out becomes a word on where it is.
pub fn rebased(readme: &str, folder: &str, files: &Files) -> String {
    let mut fenced = false;
    let mut text = String::new();
    for line in readme.split_inclusive('\n') {
        fenced ^= line.starts_with("```");
        if fenced {
            text.push_str(line);
            continue;
        }
        if line.starts_with('#') {
            text.push('#');
        }
        let mut rest = line;
        while let Some((before, words, link, after)) = next_link(rest) {
            text.push_str(before);
            text.push_str(&rebased_link(words, link, folder, files));
            rest = after;
        }
        text.push_str(rest);
    }
    text
}

/// The next link of a line: what is before it, its words, where it leads, and what comes after it.
fn next_link(line: &str) -> Option<(&str, &str, &str, &str)> {
    let middle = line.find("](")?;
    let begin = line[..middle].rfind('[')?;
    let (link, after) = line[middle + 2..].split_once(')')?;
    Some((&line[..begin], &line[begin + 1..middle], link, after))
}

fn rebased_link(words: &str, link: &str, folder: &str, files: &Files) -> String {
    if link.starts_with('#') || link.contains("://") {
        return format!("[{words}]({link})");
    }
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in link.split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let link = parts.join("/");
    let path = link.split('#').next().unwrap_or_default();
    let below = format!("{path}/");
    let held = |file: &String| file == path || file.starts_with(&below);
    match files.keys().any(held) {
        true => format!("[{words}]({link})"),
        false => format!("{words} (in the whole workspace)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Entry;

    #[test]
    fn links_and_headings_fit_the_top_folder() {
        let readme = "# a\n[x](src/x.rs) [b](../b) [h](#a), [R](../../R.md#h) [s](https://s)\n```\n# no heading\n```\n";
        let file = || Entry {
            bytes: Vec::new(),
            executable: false,
        };
        let files = ["crates/a/src/x.rs", "crates/b/y"].map(|path| (path.to_string(), file()));
        assert_eq!(
            rebased(readme, "crates/a", &Files::from(files)),
            "## a\n[x](crates/a/src/x.rs) [b](crates/b) [h](#a), R (in the whole workspace) [s](https://s)\n\
             ```\n# no heading\n```\n"
        );
    }
}
