//! Texts: nothing is left for later, and generated pages are fresh.

use tests::rust;

use crate::{assert_tidy, file, files};

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
        // A macro that is spoken of, in a text or in `code`, is not a macro that is called; nor is one in a test's
        // example.
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
