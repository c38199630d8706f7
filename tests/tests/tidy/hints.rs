//! The hints of `cargo lab hint`: every step that a starter leaves open has three, no hint holds a
//! line of a solution, and what a hint quotes from a README is there.

use std::collections::{BTreeMap, BTreeSet};

use tests::binaries::workspace;
use tests::catalog::lab_programs;

use crate::programs::step;
use crate::{assert_tidy, file};

const HINTS: &str = "crates/lab-core/src/hints.md";

/// The lines of a program that its starter lacks.
fn regions(text: &str) -> Vec<&str> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        let words = line.trim().trim_start_matches(['/', '#']).trim();
        match words {
            "region: exercise" => inside = true,
            "endregion: exercise" => inside = false,
            _ if inside => found.push(line.trim()),
            _ => {}
        }
    }
    found
}

/// A line of code without its blanks and its comment; `None` for a comment, and for a line that
/// says nothing by itself, such as `break;` or `while True:`.
fn code(line: &str) -> Option<String> {
    let code = line.split(" // ").next()?.split("  # ").next()?;
    if code.starts_with("//") || code.starts_with("# ") {
        return None;
    }
    let words = code.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let says = code.contains('(') || words.len() > 1;
    (says && words != ["while", "True"]).then(|| bare(code))
}

fn bare(text: &str) -> String {
    let kept = text.chars();
    let kept = kept.filter(|letter| !letter.is_whitespace() && !"`;".contains(*letter));
    kept.collect()
}

/// What the hints lack or give away. `programs` has of each program its name, its README and its
/// two sources.
fn problems(hints: &str, programs: &[[String; 4]]) -> Vec<String> {
    let mut problems = Vec::new();
    let sections: BTreeMap<&str, &str> = hints
        .split("\n## ")
        .skip(1)
        .filter_map(|section| section.split_once('\n'))
        .collect();
    let mut used = BTreeSet::new();
    let mut solution = BTreeSet::new();
    for [name, readme, rust, python] in programs {
        for line in regions(rust).into_iter().chain(regions(python)) {
            solution.extend(code(line).map(|code| (code, name)));
        }
        for (_, words) in regions(rust).iter().filter_map(|line| step(line, "//")) {
            used.insert(words);
            let Some(section) = sections.get(words) else {
                problems.push(format!("{HINTS} has no hints for {name}: {words}"));
                continue;
            };
            for quote in section.split('“').skip(1) {
                let quote = quote.split('”').next().unwrap_or_default();
                if !readme.contains(quote) {
                    problems.push(format!("{HINTS}: the README of {name} lacks “{quote}”"));
                }
            }
        }
    }
    for (words, section) in &sections {
        if !used.contains(words) {
            problems.push(format!("{HINTS}: no starter has the step {words}"));
        }
        let section = bare(section);
        for (code, name) in &solution {
            if section.contains(code.as_str()) {
                problems.push(format!(
                    "{HINTS}: {words}: a line of {name} is in it: {code}"
                ));
            }
        }
    }
    problems
}

#[test]
fn every_step_of_a_starter_has_hints_and_none_holds_a_line_of_the_solution() {
    let programs: Vec<[String; 4]> = lab_programs()
        .into_iter()
        .map(|entry| {
            let name = entry.package;
            let text = |path: &str| {
                let path = workspace().join("crates").join(&name).join(path);
                match path.exists() {
                    true => file(&path).1,
                    false => String::new(),
                }
            };
            let (readme, rust) = (text("README.md"), text("src/main.rs"));
            let python = text("twin.py");
            [name.clone(), readme, rust, python]
        })
        .collect();
    let steps = programs.iter().map(|[_, _, rust, _]| {
        let lines = regions(rust).into_iter();
        lines.filter(|line| step(line, "//").is_some()).count()
    });
    let steps: usize = steps.sum();
    assert!(steps > 100, "only {steps} steps");
    let (_, hints) = file(&workspace().join(HINTS));
    assert_tidy(&problems(&hints, &programs));
}

#[test]
fn a_step_without_hints_and_a_line_of_the_solution_are_found() {
    let rust = "// 1. Not in it\nfn main() {\n    // region: exercise\n    // 1. Bind it\n    \
                a.bind(&address)?; // It may fail.\n    loop {\n    break;\n    // 2. Go\n    // endregion: exercise\n}\n";
    let python =
        "# region: exercise\n# 1. Bind it\na.bind(address)\nwhile True:\n# endregion: exercise\n";
    let program = ["x", "**A name.** Is it.", rust, python].map(str::to_string);
    let found = |hints: &str| problems(hints, std::slice::from_ref(&program));
    let good = "# Hints\n\n## Bind it\n\n1. Who?\n2. “A name.”\n3. break; while True: loop {\n\n## Go\n\n1. So.\n";
    assert_eq!(found(good), [""; 0]);
    let lacks = found(&good.replace("## Go", "## Stay"));
    assert!(lacks[0].contains("has no hints for x: Go"), "{lacks:?}");
    assert!(
        lacks[1].contains("no starter has the step Stay"),
        "{lacks:?}"
    );
    let quotes = found(&good.replace("A name.", "Another."));
    assert!(quotes[0].contains("lacks “Another.”"), "{quotes:?}");
    for line in ["write `a.bind(&address)?;`", "a.bind( address )"] {
        let tells = found(&good.replace("Who?", line));
        assert!(tells[0].contains("Bind it: a line of x"), "{tells:?}");
    }
}
