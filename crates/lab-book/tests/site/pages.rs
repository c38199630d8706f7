//! The pages and the files that they are made from.

use std::collections::BTreeSet;
use std::fs;

use super::{SITE, between, text};

/// The rows of a program on its page: the anchor, and the text of each column.
fn rows(page: &str, package: &str) -> Vec<(String, Vec<String>)> {
    let sections = between(
        page,
        &format!("<section class=\"program\" id=\"{package}\""),
        "</section>",
    );
    assert_eq!(sections.len(), 1, "{package} is on its page once");
    let code = sections[0].split("<div class=\"prose\">").next().unwrap();
    let rows = code.split("<div class=\"row\"").skip(1).map(|row| {
        let id = between(row, "id=\"", "\"")[0].to_string();
        (
            id,
            between(row, "<pre style", "</pre>")
                .into_iter()
                .map(cell)
                .collect(),
        )
    });
    rows.collect()
}

fn cell(html: &str) -> String {
    text(html.split_once('>').unwrap().1)
}

#[test]
#[ignore = "builds the programs and records their runs; .ci/run book"]
fn every_program_and_twin_is_on_a_page_byte_for_byte() {
    let mut seen = 0;
    for (exercise, program) in SITE.programs() {
        let folder = SITE.catalog.root.join(&program.folder);
        let rows = rows(
            &SITE.pages[&format!("{}.html", exercise.id)],
            &program.package,
        );
        for (column, file) in ["src/main.rs", "twin.py"].into_iter().enumerate() {
            let Ok(source) = fs::read_to_string(folder.join(file)) else {
                // The router is in Rust alone.
                assert_eq!(
                    (file, program.package.as_str()),
                    ("twin.py", "transparency-router")
                );
                continue;
            };
            let shown: String = rows
                .iter()
                .map(|(_, cells)| cells[column].as_str())
                .collect();
            assert!(
                shown == source,
                "{}/{file} is not on its page",
                program.package
            );
            let name = file.rsplit('/').next().unwrap();
            let copy = SITE.folder.join("files").join(&program.package).join(name);
            assert_eq!(fs::read_to_string(copy).unwrap(), source);
            seen += 1;
        }
    }
    assert!(seen > 50, "only {seen} programs");
    println!("{seen} programs and twins");
}

#[test]
#[ignore = "builds the programs and records their runs; .ci/run book"]
fn every_numbered_step_is_paired_in_one_row() {
    let mut seen = 0;
    for (exercise, program) in SITE.programs() {
        let folder = SITE.catalog.root.join(&program.folder);
        if !folder.join("twin.py").exists() {
            continue;
        }
        let rust = fs::read_to_string(folder.join("src/main.rs")).unwrap();
        let words = |line: &str, mark: &str| -> Option<(usize, String)> {
            let (number, words) = line.trim().strip_prefix(mark)?.split_once(". ")?;
            Some((number.parse().ok()?, words.to_string()))
        };
        let rows = rows(
            &SITE.pages[&format!("{}.html", exercise.id)],
            &program.package,
        );
        for (number, step) in rust.lines().filter_map(|line| words(line, "// ")) {
            let id = format!("{}-step-{number}", program.package);
            let row: Vec<_> = rows.iter().filter(|(row, _)| *row == id).collect();
            assert_eq!(row.len(), 1, "{id}");
            let first = |column: usize| row[0].1[column].lines().next().unwrap().to_string();
            let wanted = Some((number, step));
            assert_eq!(words(&first(0), "// "), wanted, "{id} in Rust");
            assert_eq!(words(&first(1), "# "), wanted, "{id} in Python");
            seen += 1;
        }
    }
    assert!(seen > 100, "only {seen} steps");
    println!("{seen} steps");
}

#[test]
#[ignore = "builds the programs and records their runs; .ci/run book"]
fn every_link_and_anchor_resolves_and_nothing_is_asked_of_other_machines() {
    let mut seen = 0;
    let mut problems = Vec::new();
    for (name, page) in &SITE.pages {
        let ids: Vec<&str> = between(page, " id=\"", "\"");
        let unique: BTreeSet<&&str> = ids.iter().collect();
        if unique.len() != ids.len() {
            problems.push(format!("{name} has an id twice"));
        }
        for address in
            between(page, "href=\"", "\"")
                .into_iter()
                .chain(between(page, "data-trace=\"", "\""))
        {
            seen += 1;
            // Out of the book, for a reader who follows it.
            if address.contains("://") || address.starts_with("data:,") {
                continue;
            }
            let (file, anchor) = address.split_once('#').unwrap_or((address, ""));
            let file = if file.is_empty() { name } else { file };
            let there = match SITE.pages.get(file) {
                Some(target) => {
                    anchor.is_empty() || between(target, " id=\"", "\"").contains(&anchor)
                }
                None => anchor.is_empty() && SITE.folder.join(file).is_file(),
            };
            if !there {
                problems.push(format!("{name}: {address}"));
            }
        }
        // What a page loads by itself is next to it.
        for tag in ["<script", "<link", "<img", "<iframe", "<source"] {
            for words in between(page, tag, ">") {
                for address in between(words, "src=\"", "\"")
                    .into_iter()
                    .chain(between(words, "href=\"", "\""))
                {
                    let own = SITE.folder.join(address).is_file() || address == "data:,";
                    if !own {
                        problems.push(format!("{name} loads {address}"));
                    }
                }
            }
        }
    }
    for asset in ["book.css", "book.js"] {
        let text = fs::read_to_string(SITE.folder.join(asset)).unwrap();
        for bad in [
            "http:",
            "https:",
            "url(",
            "@import",
            "fetch(",
            "XMLHttpRequest",
            "sendBeacon",
        ] {
            if text.contains(bad) {
                problems.push(format!("{asset} has {bad}"));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
    assert!(seen > 300, "only {seen} links");
    println!("{seen} links on {} pages", SITE.pages.len());
}

#[test]
#[ignore = "builds the programs and records their runs; .ci/run book"]
fn every_command_on_a_page_exists() {
    let packages: BTreeSet<&str> = SITE
        .programs()
        .map(|(_, program)| program.package.as_str())
        .collect();
    let exercises: BTreeSet<&str> = SITE
        .exercises()
        .map(|exercise| exercise.id.as_str())
        .collect();
    let help = SITE.catalog.root.join("crates/lab/src/dispatch.rs");
    let dispatch = fs::read_to_string(help).unwrap();
    let mut seen = 0;
    let mut problems = Vec::new();
    for (name, page) in SITE
        .pages
        .iter()
        .filter(|(name, _)| !name.starts_with("source-") && !name.starts_with("trace-"))
    {
        let page = text(page);
        for mark in ["cargo run -p ", "cargo run --release -p "] {
            for package in page.split(mark).skip(1) {
                let end = package.find(|letter: char| !(letter.is_alphanumeric() || letter == '-'));
                let package = &package[..end.unwrap_or(package.len())];
                seen += 1;
                if !packages.contains(package) && package != "NAME" {
                    problems.push(format!("{name}: cargo run -p {package}"));
                }
            }
        }
        for words in page.split("cargo lab ").skip(1) {
            let mut words =
                words.split(|letter: char| letter.is_whitespace() || "`,.;:)".contains(letter));
            let command = words.next().unwrap_or("");
            let own = ["list", "run", "hint", "index"].contains(&command);
            seen += 1;
            if !own && !dispatch.contains(&format!("(\"{command}\", \"lab-")) {
                problems.push(format!("{name}: cargo lab {command}"));
            }
            let exercise = words.next().unwrap_or("");
            let takes = ["run", "check", "trace", "handout", "predict", "hint"].contains(&command);
            let looks = exercise.contains('-') && !exercise.starts_with('-');
            let there = exercises.contains(exercise) || packages.contains(exercise);
            if takes && looks && !there {
                problems.push(format!("{name}: cargo lab {command} {exercise}"));
            }
        }
        for path in page.split("python3 crates/").skip(1) {
            let path = path
                .split(|letter: char| letter.is_whitespace() || "`,;:)\"".contains(letter))
                .next()
                .unwrap();
            seen += 1;
            if !SITE
                .catalog
                .root
                .join("crates")
                .join(path.trim_end_matches('.'))
                .exists()
            {
                problems.push(format!("{name}: python3 crates/{path}"));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
    assert!(seen > 150, "only {seen} commands");
    println!("{seen} commands");
}

/// Text without the ports that the system chooses.
fn without_ports(text: &str) -> String {
    let mut out = String::new();
    for (place, part) in text.split("', ").enumerate() {
        if place > 0 {
            out.push_str("', ");
            out.push_str(part.trim_start_matches(|letter: char| letter.is_ascii_digit()));
        } else {
            out.push_str(part);
        }
    }
    out
}

#[test]
#[ignore = "builds the programs and records their runs; .ci/run book"]
fn the_transcripts_are_what_the_python_programs_print_too() {
    let mut seen = 0;
    for exercise in SITE.exercises() {
        let page = &SITE.pages[&format!("{}.html", exercise.id)];
        let Some(run) = between(page, "<section id=\"run\"", "</section>")
            .first()
            .copied()
        else {
            continue;
        };
        let Some(python) = SITE
            .catalog
            .exercise(&exercise.id)
            .ok()
            .and_then(python_run)
        else {
            continue;
        };
        let shown: Vec<String> = between(run, "<figure>", "</figure>")
            .into_iter()
            .map(|figure| {
                between(figure, "<pre class=\"out\">", "</pre>")
                    .first()
                    .map_or(String::new(), |out| text(out))
            })
            .collect();
        let [server, client] = &shown[..] else {
            continue;
        };
        assert_eq!(
            (without_ports(server), without_ports(client)),
            (without_ports(&python.0), without_ports(&python.1)),
            "{}",
            exercise.id
        );
        seen += 1;
    }
    assert!(seen >= 8, "only {seen} exercises");
    println!("{seen} exercises");
}

/// What both sides print in Python, recorded by `cargo lab trace`, as a command of its own.
fn python_run(exercise: &lab_core::catalog::Exercise) -> Option<(String, String)> {
    use lab_core::catalog::Roles;
    use lab_journal::{Event, Journal, Side, model::Stream};
    use std::process::{Command, Stdio};

    let Ok(Roles::Pair(..)) = exercise.roles() else {
        return None;
    };
    // The guessing game needs its player and a fixed number.
    if exercise.id == "cmpu-guess" {
        return None;
    }
    let tracer = lab_core::cargo::build_tool("lab-trace").unwrap();
    let file = SITE.folder.with_file_name(format!("{}.json", exercise.id));
    let status = Command::new(tracer)
        .args([
            "trace",
            &exercise.id,
            "--server",
            "python",
            "--client",
            "python",
            "--json",
        ])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{}: {status}", exercise.id);
    let journal = Journal::from_json(&fs::read_to_string(file).unwrap()).unwrap();
    let printed = |side: Side| {
        let texts = journal
            .entries
            .iter()
            .filter_map(|entry| match &entry.event {
                Event::Output(output) if output.stream == Stream::Stdout => {
                    (journal.side(output.process) == Some(side)).then(|| output.text.clone())
                }
                _ => None,
            });
        texts.collect::<String>()
    };
    Some((printed(Side::Server), printed(Side::Client)))
}

#[test]
#[ignore = "builds the programs and records their runs; .ci/run book"]
fn pages_are_small_and_the_build_says_their_sizes() {
    let mut all = 0;
    let mut largest = 0;
    for (name, page) in &SITE.pages {
        all += page.len();
        if !name.starts_with("trace-") {
            largest = largest.max(page.len());
            assert!(page.len() <= 100 * 1024, "{name}: {}", page.len());
        }
    }
    for asset in ["book.css", "book.js"] {
        all += fs::read(SITE.folder.join(asset)).unwrap().len();
    }
    assert!(all <= 3 * 1024 * 1024, "{all} bytes");
    let said = format!("the largest {} KB", largest.div_ceil(1024));
    assert!(SITE.printed.contains(&said), "{}", SITE.printed);
    println!("{}", SITE.printed);
}
