//! Texts: lines of a readable length, nothing left for later, generated pages that are fresh,
//! guides that name what is there, and Rust explained by lines that are there.

use std::collections::BTreeSet;
use std::path::Path;

use tests::binaries::workspace;
use tests::catalog::lab_programs;
use tests::rust;

use crate::{assert_tidy, file, files};

/// The longest line with a comment, in columns.
const COMMENT_LIMIT: usize = 100;

/// Comments that are wider than the limit. A table's row and the command in the gallery's headers
/// cannot be broken, and a link should not be.
fn wide_comments(name: &str, text: &str) -> Vec<String> {
    let mark = if name.ends_with(".py") { "#" } else { "//" };
    let mut docstring = false;
    let mut problems = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let python = name.ends_with(".py");
        let quotes = python && line.matches("\"\"\"").count() % 2 == 1;
        let words = line.trim_start();
        let whole_docstring = python && words.starts_with("\"\"\"");
        let comment = words.starts_with(mark) || docstring || quotes || whole_docstring;
        docstring ^= quotes;
        let words = words.trim_start_matches(['/', '!', '#']).trim_start();
        let one_piece =
            words.starts_with('|') || words.starts_with("check: ") || !words.contains(' ');
        let columns = line.chars().count();
        if comment && !one_piece && columns > COMMENT_LIMIT {
            problems.push(format!(
                "{name}:{number}: a comment of {columns} columns: break it at {COMMENT_LIMIT}"
            ));
        }
    }
    problems
}

#[test]
fn comments_are_at_most_100_columns_wide() {
    let mut problems = Vec::new();
    for path in files(&[".rs", ".py", ".js", ".c", ".java"]) {
        let (name, text) = file(&path);
        problems.extend(wide_comments(&name, &text));
    }
    assert_tidy(&problems);
}

#[test]
fn a_wide_comment_is_found() {
    let wide = "a word ".repeat(15);
    let found = |name: &str, text: &str| wide_comments(name, text).len();
    assert_eq!(found("x.rs", &format!("    // {wide}\n")), 1);
    assert_eq!(found("x.rs", &format!("//! {wide}\n")), 1);
    assert_eq!(found("x.py", &format!("# {wide}\n")), 1);
    assert_eq!(
        found("x.py", &format!("\"\"\"What.\n\n{wide}\n\"\"\"\n{wide}\n")),
        1
    );
    assert_eq!(found("x.py", &format!("    \"\"\"{wide}\"\"\"\n")), 1);
    assert_eq!(
        found("x.rs", &format!("let a = \"{wide}\";\n//! | {wide} |\n")),
        0
    );
    assert_eq!(
        found("x.rs", &format!("// https://{}\n", "a".repeat(100))),
        0
    );
}

/// Lines of Markdown on which a sentence ends and the next begins, or that end within a sentence.
fn not_one_sentence(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut fence = false;
    let mut before = "";
    for (number, line) in (1..).zip(text.lines()) {
        let words = line.trim_start();
        fence ^= words.starts_with("```");
        let prose = |line: &str| {
            let line = line.trim_start();
            !line.is_empty() && !line.starts_with(['|', '#', '<', '`'])
        };
        let code = fence || words.starts_with("```");
        if !code && prose(line) {
            if has_two_sentences(words) {
                problems.push(format!("{name}:{number}: two sentences: a line for each"));
            }
            let item = words.starts_with("- ") || words.starts_with(|c: char| c.is_ascii_digit());
            let ended = before
                .trim_end()
                .ends_with(['.', '!', '?', ':', ')', '*', '"', '”', '`']);
            if prose(before) && !item && !ended {
                problems.push(format!(
                    "{name}:{number}: the sentence began on the line before: join them"
                ));
            }
        }
        before = if code { "" } else { line };
    }
    problems
}

/// Whether a sentence ends before the line does. A lead-in in bold, `**Two sockets.**`, and an
/// item's number stay with what follows.
fn has_two_sentences(line: &str) -> bool {
    // Code may hold anything: it becomes one capital letter.
    let text: String = line
        .split('`')
        .enumerate()
        .map(|(place, part)| if place % 2 == 1 { "C" } else { part })
        .collect();
    let text = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let text = text.strip_prefix(". ").unwrap_or(text);
    let chars: Vec<char> = text.chars().collect();
    chars.windows(3).any(|next| {
        let ends = matches!(next[0], '.' | '!' | '?');
        let begins = next[2].is_uppercase() || next[2] == '*' || next[2] == '[';
        ends && next[1] == ' ' && begins
    })
}

#[test]
fn markdown_has_one_sentence_on_a_line() {
    let mut problems = Vec::new();
    let mut seen = 0;
    for path in files(&[".md"]) {
        let (name, text) = file(&path);
        seen += 1;
        problems.extend(not_one_sentence(&name, &text));
    }
    assert!(seen > 25, "only {seen} files were read");
    assert_tidy(&problems);
}

#[test]
fn two_sentences_on_a_line_and_a_broken_sentence_are_found() {
    const GOOD: &str = "# X. Y\n\n**Two sockets.** `accept` gives one.\nA line. a\n\n1. Start it.\n   \
        Then stop it.\n2. See `a. B`.\n\n| A. B | C |\n\n```text\nA. B\nc\n```\n";
    assert_eq!(not_one_sentence("x", GOOD), [""; 0]);
    assert_eq!(
        not_one_sentence("x", "One. Two.\n"),
        ["x:1: two sentences: a line for each"]
    );
    assert_eq!(not_one_sentence("x", "One is `a`. `b` is two.\n").len(), 1);
    assert_eq!(
        not_one_sentence("x", "One that\ngoes on.\n"),
        ["x:2: the sentence began on the line before: join them"]
    );
}

/// How many lines of a terminal with 80 columns a page takes. What a link leads to is not shown.
fn lines_of_a_terminal(page: &str) -> usize {
    let shown = |line: &str| {
        let mut parts = line.split("](");
        let first = parts.next().unwrap_or_default().to_string();
        let text = parts.fold(first, |text, part| {
            text + part.split_once(')').map_or(part, |(_, rest)| rest)
        });
        text.chars().filter(|c| *c != '[').count()
    };
    page.lines()
        .map(|line| shown(line).div_ceil(80).max(1))
        .sum()
}

#[test]
fn the_readme_fits_three_screens() {
    let (_, page) = file(&workspace().join("README.md"));
    let lines = lines_of_a_terminal(&page);
    assert!(lines <= 3 * 45, "README.md: {lines} lines of a terminal");
}

#[test]
fn a_long_line_takes_two_lines_of_a_terminal_and_an_address_none() {
    let link = format!("{} [b](https://{}) c\n", "a".repeat(70), "x".repeat(90));
    assert_eq!(lines_of_a_terminal(&link), 1);
    assert_eq!(lines_of_a_terminal(&format!("{}\n\n", "a".repeat(81))), 3);
}

/// What is wrong with a README's section "Rust for this page": each row quotes a line of `main.rs`
/// and the one of `twin.py` next to it.
fn rust_for_this_page(name: &str, readme: &str, main: &str, twin: &str) -> Vec<String> {
    const HEADING: &str = "## Rust for this page";
    // rustfmt breaks lines where it likes.
    let dense = |text: &str| text.split_whitespace().collect::<String>();
    let (main, twin) = (dense(main), dense(twin));
    let section = readme.lines().skip_while(|line| *line != HEADING).skip(1);
    let section = section.take_while(|line| !line.starts_with("## "));
    let (mut problems, mut rows) = (Vec::new(), 0);
    for line in section.filter(|line| line.starts_with("| `")).skip(1) {
        rows += 1;
        let line = line.replace("\\|", "\u{1}");
        let cells: Vec<String> = line.split(" | ").map(dense).collect();
        for (cell, text, file) in [(&cells[0], &main, "main.rs"), (&cells[1], &twin, "twin.py")] {
            let code = cell.trim_start_matches('|').trim_matches('`');
            if !text.contains(&code.replace('\u{1}', "|")) {
                problems.push(format!("{name}: {file} has no line {cell}"));
            }
        }
    }
    if !(2..=3).contains(&rows) {
        problems.push(format!("{name}: {rows} rows under {HEADING}: 2 or 3"));
    }
    problems
}

#[test]
fn rust_is_explained_with_lines_of_both_programs() {
    let mut problems = Vec::new();
    for entry in lab_programs() {
        let (name, readme) = file(&entry.folder.join("README.md"));
        let (_, main) = file(&entry.folder.join("src/main.rs"));
        let (_, twin) = file(&entry.folder.join("twin.py"));
        problems.extend(rust_for_this_page(&name, &readme, &main, &twin));
    }
    assert_tidy(&problems);
}

#[test]
fn a_line_that_a_program_lacks_is_found() {
    let check = |rust: &str, python: &str| {
        let row = format!("| `{rust}` | `{python}` | It is so. |\n");
        let head = "## Rust for this page\n\n| `main.rs` | `twin.py` | what |\n|---|---|---|\n";
        let readme = format!("{head}{row}{row}\n## Try this\n\n{row}");
        rust_for_this_page("x", &readme, "a\n    .b(|c| d);\n", "e = f\n")
    };
    assert_eq!(check("a.b(\\|c\\| d);", "e = f"), [""; 0]);
    assert_eq!(check("a.b();", "e = f").len(), 2);
    assert_eq!(check("a", "g").len(), 2);
    let none = rust_for_this_page("x", "# x\n", "a", "b");
    assert_eq!(none, ["x: 0 rows under ## Rust for this page: 2 or 3"]);
}

#[test]
fn the_index_is_fresh() {
    let finished = rust("lab").args(&["index", "--check"]).run();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}

/// Nothing is left for later.
fn unfinished(name: &str, text: &str) -> Vec<String> {
    // Put together here, so that this file does not find itself.
    let marks = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
    ];
    let mut problems = Vec::new();
    let tests = text
        .lines()
        .take_while(|line| *line != "#[cfg(test)]")
        .count()
        + 1;
    for (number, line) in (1..).zip(text.lines()) {
        // A macro that is spoken of, in a text or in `code`, is not a macro that is called; nor is
        // one in a test's example.
        let called = line.split("//").next().unwrap_or(line);
        let called = if number < tests { called } else { "" };
        let called: Vec<&str> = called.split(['"', '`']).step_by(2).collect();
        for mark in marks {
            let found = match mark.ends_with('(') {
                true => called.iter().any(|part| part.contains(mark)),
                false => line.contains(mark),
            };
            if found {
                problems.push(format!(
                    "{name}:{number}: {mark}: finish it, or leave it out"
                ));
            }
        }
    }
    problems
}

#[test]
fn nothing_is_left_for_later() {
    let mut problems = Vec::new();
    for path in files(&[
        ".rs", ".py", ".md", ".toml", ".yml", ".yaml", ".sh", ".c", "bench", "run",
    ]) {
        let (name, text) = file(&path);
        problems.extend(unfinished(&name, &text));
    }
    assert_tidy(&problems);
}

#[test]
fn a_mark_for_later_is_found() {
    assert_eq!(unfinished("x", "a to-do list\n"), [""; 0]);
    let spoken = concat!(
        "put(\"to",
        "do!()\"); // to",
        "do!() is not called, nor is `to",
        "do!()`\n"
    );
    assert_eq!(unfinished("x", spoken), [""; 0]);
    for mark in ["// TO", "// FIX", "to", "unimple"] {
        let line = match mark {
            "// TO" => format!("{mark}DO later"),
            "// FIX" => format!("{mark}ME"),
            "to" => format!("{mark}do!()"),
            _ => format!("{mark}mented!()"),
        };
        assert_eq!(unfinished("x", &format!("\n{line}\n")).len(), 1, "{line}");
    }
}

/// The files and functions that a document names in `code` or links to, and that are not there.
///
/// Paths begin at the workspace's root. Capitals and `*` in a path match any text.
fn missing_references(name: &str, text: &str, paths: &[String], functions: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut block = false;
    for (number, line) in (1..).zip(text.lines()) {
        block ^= line.starts_with("```");
        if block {
            continue;
        }
        let code = line.split('`').skip(1).step_by(2);
        let links = line.split("](").skip(1).filter_map(|rest| {
            let target = rest.split([')', '#']).next().unwrap_or(rest);
            (!target.contains("://")).then_some(target)
        });
        for link in links.filter(|link| !link.is_empty()) {
            if !paths.iter().any(|path| path == link) {
                problems.push(format!("{name}:{number}: {link} is not there"));
            }
        }
        for word in code.filter(|code| !code.contains(char::is_whitespace)) {
            let is_path = word.contains('/') && !word.starts_with('/') && !word.contains(':');
            if is_path && !paths.iter().any(|path| matches(word, path)) {
                problems.push(format!("{name}:{number}: {word} is not there"));
            }
            // A test's name is a sentence.
            let is_test = word.matches('_').count() > 1
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
            if is_test && !functions.contains(&format!("fn {word}(")) {
                problems.push(format!("{name}:{number}: there is no test {word}"));
            }
        }
    }
    problems
}

/// Whether a path is the one that a document means: `crates/SHEET-NAME-server`, `tests/*.rs`.
fn matches(pattern: &str, path: &str) -> bool {
    let pattern = pattern.trim_end_matches('/');
    let is_open = |part: &str| part.contains('*') || part.bytes().any(|b| b.is_ascii_uppercase());
    let (wanted, found) = (pattern.split('/'), path.split('/'));
    pattern == path
        || wanted.clone().count() == found.clone().count()
            && wanted.zip(found).all(|(wanted, found)| {
                let fixed = |c: char| c.is_ascii_uppercase() || c == '*';
                let end = wanted.rsplit(fixed).next().unwrap_or(wanted);
                wanted == found || is_open(wanted) && found.ends_with(end)
            })
}

/// A description that asks for a program which a system
/// may lack, and does not say how to get it.
fn tools_without_a_way_to_get_them(name: &str, text: &str) -> Option<String> {
    let tools = ["`nc ", "`telnet ", "`nc`"];
    let tool = tools.iter().find(|tool| text.contains(**tool))?;
    let told = text.contains("`cargo lab doctor` says how to get");
    (!told).then(|| {
        format!(
            "{name}: nothing says how to get {}",
            tool.trim_matches(['`', ' '])
        )
    })
}

#[test]
fn readmes_that_ask_for_nc_or_telnet_say_how_to_get_them() {
    let readmes = files(&["README.md"]);
    let programs = readmes.iter().map(|path| file(path));
    let programs = programs.filter(|(name, _)| name.starts_with("crates/"));
    let problems =
        programs.filter_map(|(name, text)| tools_without_a_way_to_get_them(&name, &text));
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn a_readme_that_only_asks_for_telnet_is_found() {
    let problem = tools_without_a_way_to_get_them("a", "1. Type `telnet localhost 1`.\n");
    assert_eq!(
        problem.as_deref(),
        Some("a: nothing says how to get telnet")
    );
    let told = "`nc -l 1`\n`cargo lab doctor` says how to get `nc` on your system.\n";
    assert_eq!(tools_without_a_way_to_get_them("a", told), None);
}

#[test]
fn what_the_guides_for_engineers_name_is_there() {
    let all = files(&[""]);
    let mut paths: BTreeSet<String> = BTreeSet::new();
    for path in &all {
        let path = path.strip_prefix(workspace()).unwrap();
        for path in path.ancestors().filter(|path| *path != Path::new("")) {
            paths.insert(path.display().to_string().replace('\\', "/"));
        }
    }
    let paths: Vec<String> = paths.into_iter().collect();
    let functions: String = all
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .map(|path| file(path).1)
        .collect();
    let problems = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"]
        .iter()
        .flat_map(|name| {
            let (name, text) = file(&workspace().join(name));
            missing_references(&name, &text, &paths, &functions)
        });
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn a_path_or_test_that_is_not_there_is_found() {
    let paths = [
        "crates/a-server/twin.py".to_string(),
        "crates/a-server".to_string(),
    ];
    let missing = |text: &str| missing_references("x.md", text, &paths, "fn a_good_test() {}");
    for good in [
        "`crates/a-server/` and `crates/NAME-server/twin.py`, `a_good_test`, `GET /`, `call_me`",
        "[a](crates/a-server#heading) [b](https://example.org/x) [c](#here)",
        "```\n`crates/b`\n```\n",
    ] {
        assert_eq!(missing(good), [""; 0], "{good}");
    }
    for bad in [
        "`crates/b-server/`",
        "`crates/NAME-client/twin.py`",
        "`crates/NAME/main.rs`",
        "`a_bad_test`",
        "[a](crates/b-server)",
    ] {
        assert!(!missing(bad).is_empty(), "{bad}");
    }
}
