//! Source files: tables of modules are complete, and files are not too long.

use std::collections::BTreeSet;

use crate::{assert_tidy, file, files, line_of};

/// A table of modules in a file's documentation lists exactly the modules that the file declares.
fn wrong_table(name: &str, text: &str) -> Vec<String> {
    let header = text.lines().take_while(|line| line.starts_with("//!"));
    let rows: Vec<&str> = header
        .skip_while(|line| !line.starts_with("//! | module |"))
        .skip(2)
        .take_while(|line| line.starts_with("//! |"))
        .collect();
    if rows.is_empty() {
        return Vec::new();
    }
    // The first cell names one module or several, in a README perhaps by their files.
    let listed: BTreeSet<&str> = rows
        .iter()
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(|module| module.trim_end_matches(".rs").trim_end_matches('/'))
        .collect();
    let declared: BTreeSet<&str> = text
        .split("#[cfg(test)]\nmod ")
        .next()
        .unwrap_or(text)
        .lines()
        .filter_map(|line| {
            let line = line
                .trim_start_matches("pub ")
                .trim_start_matches("pub(crate) ");
            line.strip_prefix("mod ")?.strip_suffix(';')
        })
        .collect();
    let line = line_of(text, "//! | module |");
    let missing = declared.difference(&listed).map(|module| {
        format!("{name}:{line}: the table lacks the module {module}: say what it holds")
    });
    let extra = listed.difference(&declared).map(|module| {
        format!("{name}:{line}: the table lists {module}, which this file does not declare")
    });
    missing.chain(extra).collect()
}

#[test]
fn tables_of_modules_are_complete() {
    let mut problems = Vec::new();
    let mut seen = 0;
    for path in files(&[".rs"]) {
        let (name, text) = file(&path);
        seen += usize::from(text.contains("\n//! | module |"));
        problems.extend(wrong_table(&name, &text));
    }
    assert!(seen > 3, "only {seen} tables were found");
    // A README next to a library's sources lists the same modules.
    for path in files(&["README.md"]) {
        let (name, text) = file(&path);
        let library = path.parent().unwrap().join("src/lib.rs");
        if text.contains("\n| module |") && library.exists() {
            let (_, library) = file(&library);
            problems.extend(wrong_table_in_readme(&name, &text, &library));
        }
    }
    assert_tidy(&problems);
}

/// The same table in a README, compared with the library's file.
fn wrong_table_in_readme(name: &str, text: &str, library: &str) -> Vec<String> {
    let table: String = text
        .lines()
        .skip_while(|line| !line.starts_with("| module |"))
        .take_while(|line| line.starts_with('|'))
        .map(|line| format!("//! {line}\n"))
        .collect();
    let code: String = library
        .lines()
        .filter(|line| !line.starts_with("//!"))
        .map(|line| format!("{line}\n"))
        .collect();
    let line = line_of(text, "| module |");
    wrong_table("", &format!("{table}{code}"))
        .into_iter()
        .map(|problem| problem.replacen(":1:", &format!("{name}:{line}:"), 1))
        .collect()
}

#[test]
fn a_table_of_modules_that_is_wrong_is_found() {
    const GOOD: &str = "//! What.\n//!\n//! | module | holds |\n//! |---|---|\n\
        //! | [`args`](mod@args) | words |\n//! | [`names`] | names |\n\n\
        pub mod args;\nmod names;\n#[cfg(test)]\nmod tests;\n";
    assert_eq!(wrong_table("x", GOOD), [""; 0]);
    assert_eq!(wrong_table("x", "mod names;\n"), [""; 0]);
    assert_eq!(
        wrong_table(
            "x",
            &GOOD.replace("mod names;", "mod names;\npub(crate) mod more;")
        ),
        ["x:3: the table lacks the module more: say what it holds"]
    );
    assert_eq!(
        wrong_table("x", &GOOD.replace("mod names;\n", "")),
        ["x:3: the table lists names, which this file does not declare"]
    );
    let readme = "# X\n\n| module | holds |\n|---|---|\n| `args` | words |\n";
    assert_eq!(
        wrong_table_in_readme("README.md", readme, GOOD),
        ["README.md:3: the table lacks the module names: say what it holds"]
    );
}

/// The most lines of a source file.
const FILE_LIMIT: usize = 800;
/// A file above this many lines says in its first lines why it is one file.
const REASON_LIMIT: usize = 500;

/// A file that is too long, or long without a reason.
fn too_long(name: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    if lines > FILE_LIMIT {
        return vec![format!(
            "{name}:{FILE_LIMIT}: {lines} lines, more than {FILE_LIMIT}: split it by what a reader looks for"
        )];
    }
    let reason = text.lines().take(12).any(|line| {
        let line = line.to_lowercase();
        line.contains("one file") || line.contains("one thing")
    });
    if lines > REASON_LIMIT && !reason {
        return vec![format!(
            "{name}:1: {lines} lines: say in the first lines why this is one file (`One file, since …`)"
        )];
    }
    Vec::new()
}

#[test]
fn files_are_short_or_say_why_they_are_not() {
    let problems = files(&[".rs", ".py"]).into_iter().flat_map(|path| {
        let (name, text) = file(&path);
        too_long(&name, &text)
    });
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn a_file_that_is_too_long_is_found() {
    let reason = "//! Tests.\n//!\n//! One file, since they share it.\n";
    let lines = |count: usize| "x\n".repeat(count);
    assert_eq!(too_long("x", &lines(REASON_LIMIT)), [""; 0]);
    assert!(too_long("x", &lines(REASON_LIMIT + 1))[0].contains("say in the first lines"));
    assert_eq!(
        too_long("x", &format!("{reason}{}", lines(FILE_LIMIT - 3))),
        [""; 0]
    );
    let longer = format!("{reason}{}", lines(FILE_LIMIT - 2));
    assert!(too_long("x", &longer)[0].contains("split it"));
}
