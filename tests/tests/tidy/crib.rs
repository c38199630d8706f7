//! The page for readers of Python shows lines that the programs have.

use crate::{assert_tidy, file, files, workspace};

/// The first two cells of each row, where a cell is code alone; one with `…` only shows a form.
fn lines_of_code(page: &str) -> Vec<(usize, [Option<String>; 2])> {
    let code = |cell: &str| {
        let code = cell.trim().strip_prefix('`')?.strip_suffix('`')?;
        (!code.contains(['`', '…'])).then(|| code.to_string())
    };
    let rows = page.lines().enumerate().filter_map(|(number, line)| {
        // A bar within a cell is written `\|`.
        let line = line.strip_prefix("| ")?.replace("\\|", "\u{0}");
        let mut cells = line
            .split('|')
            .map(|cell| code(&cell.replace('\u{0}', "|")));
        Some((number + 1, [cells.next()?, cells.next()?]))
    });
    rows.collect()
}

/// Lines of the page that no program has. White space does not count: rustfmt breaks lines.
fn missing(page: &str, python: &str, rust: &str) -> Vec<String> {
    let without_space = |text: &str| text.split_whitespace().collect::<String>();
    let programs = [
        ("twin.py", without_space(python)),
        ("main.rs", without_space(rust)),
    ];
    let mut problems = Vec::new();
    for (number, cells) in lines_of_code(page) {
        for (code, (name, text)) in cells.iter().zip(&programs) {
            if let Some(code) = code
                && !text.contains(&without_space(code))
            {
                problems.push(format!("RUST.md:{number}: no {name} has `{code}`"));
            }
        }
    }
    problems
}

#[test]
fn the_page_for_readers_of_python_shows_lines_of_the_programs() {
    let all = |end: &str| -> String {
        let programs = files(&[end]).into_iter();
        programs.map(|path| file(&path).1).collect()
    };
    let (_, page) = file(&workspace().join("RUST.md"));
    assert!(
        lines_of_code(&page).len() > 25,
        "{:?}",
        lines_of_code(&page)
    );
    assert_tidy(&missing(&page, &all("twin.py"), &all("main.rs")));
}

#[test]
fn a_line_that_no_program_has_is_found() {
    let page =
        "| Python | Rust | why |\n|---|---|---|\n| `a(1)` | `b(\\|\\| 2)` | |\n| `x…` | text |\n";
    assert_eq!(missing(page, "a(1)", "b(\n|| 2)"), [""; 0]);
    assert_eq!(
        missing(page, "a(2)", "b()"),
        [
            "RUST.md:3: no twin.py has `a(1)`",
            "RUST.md:3: no main.rs has `b(|| 2)`"
        ]
    );
}
