//! The pages and the files that they are made from.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lab_core::cargo::build_tool;
use lab_core::catalog::{Exercise, Program, Role};
use lab_core::steps::of_line;

use super::site::{SITE, between, text};

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

/// The page of a program: that of its exercise, but where there are more than two.
pub fn page_of(exercise: &Exercise, program: &Program) -> &'static str {
    let programs = exercise.programs.iter();
    let count = programs.filter(|one| one.role != Role::Library).count();
    let name = if count > 2 {
        &program.package
    } else {
        &exercise.id
    };
    &SITE.pages[&format!("{name}.html")]
}

fn cell(html: &str) -> String {
    text(html.split_once('>').unwrap().1)
}

/// What the pages share.
const ASSETS: [&str; 4] = ["book.css", "book.js", "trace.css", "trace.js"];

pub fn every_program_and_twin_is_on_a_page_byte_for_byte() {
    let mut seen = 0;
    for (exercise, program) in SITE.programs() {
        let folder = SITE.catalog.root.join(&program.folder);
        let rows = rows(page_of(exercise, program), &program.package);
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

pub fn every_numbered_step_is_paired_in_one_row() {
    let mut seen = 0;
    for (exercise, program) in SITE.programs() {
        let folder = SITE.catalog.root.join(&program.folder);
        if !folder.join("twin.py").exists() {
            continue;
        }
        let rust = fs::read_to_string(folder.join("src/main.rs")).unwrap();
        let rows = rows(page_of(exercise, program), &program.package);
        for (number, step) in rust.lines().filter_map(|line| of_line(line, "//")) {
            let id = format!("{}-step-{number}", program.package);
            let row: Vec<_> = rows.iter().filter(|(row, _)| *row == id).collect();
            assert_eq!(row.len(), 1, "{id}");
            let first = |column: usize| row[0].1[column].lines().next().unwrap().to_string();
            let wanted = Some((number, step));
            assert_eq!(of_line(&first(0), "//"), wanted, "{id} in Rust");
            assert_eq!(of_line(&first(1), "#"), wanted, "{id} in Python");
            seen += 1;
        }
    }
    assert!(seen > 100, "only {seen} steps");
    println!("{seen} steps");
}

pub fn every_link_and_anchor_resolves_and_nothing_is_asked_of_other_machines() {
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
    for asset in ASSETS {
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

/// The check itself lists the sides that it knows, and takes each command that a page shows.
pub fn every_side_that_can_be_checked_has_its_command_on_its_page() {
    let tool = build_tool("lab-check").unwrap();
    let check = |words: &[&str]| {
        let output = Command::new(&tool)
            .arg("check")
            .args(words)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    };
    let mut shown = BTreeSet::new();
    for exercise in SITE.exercises() {
        let page = &SITE.pages[&format!("{}.html", exercise.id)];
        let boxes = between(page, "id=\"check\"", "</pre>");
        for line in boxes
            .iter()
            .map(|html| text(html))
            .collect::<String>()
            .lines()
        {
            let Some((_, words)) = line.split_once("$ cargo lab check ") else {
                continue;
            };
            let (name, rest) = words.split_once(' ').unwrap();
            let (option, command) = rest.split_once(' ').unwrap();
            let command = command.trim_matches('"');
            check(&[name, option, command, "--list"]);
            let is_ours =
                exercise.id == name || exercise.programs.iter().any(|p| p.package == name);
            assert!(is_ours, "{line}");
            shown.insert(format!("{name} {option}"));
        }
    }
    let list = check(&[]);
    let listed: BTreeSet<String> = list
        .lines()
        .map(|line| {
            line.split_whitespace()
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    assert_eq!(shown, listed);
}

pub fn every_command_on_a_page_exists() {
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

pub fn every_exercise_shows_what_its_programs_print_and_how_they_end() {
    let mut seen = 0;
    for exercise in SITE.exercises() {
        let page = &SITE.pages[&format!("{}.html", exercise.id)];
        let run = between(page, "<section id=\"run\"", "</section>");
        // The middleware's demo of three programs is not recorded.
        if exercise.id == "transparency-middleware" {
            assert!(run.is_empty());
            continue;
        }
        assert_eq!(run.len(), 1, "{}", exercise.id);
        let figures = between(run[0], "<figure>", "</figure>");
        assert_eq!(figures.len(), exercise.programs.len(), "{}", exercise.id);
        for (figure, program) in figures.iter().zip(&exercise.programs) {
            assert!(
                figure.contains(&program.package),
                "{figure} is not about {}",
                program.package
            );
            let ends = figure.contains("exit code ") || figure.contains("was still running");
            assert!(ends, "{figure}");
            if program.role == Role::Server {
                assert!(figure.contains("listening on "), "{figure}");
            }
            seen += 1;
        }
        for program in &exercise.programs {
            let how = format!("id=\"{}-run-it\"", program.package);
            let readme = SITE.catalog.root.join(&program.folder).join("README.md");
            let told = fs::read_to_string(readme)
                .unwrap()
                .contains("\n## Run it\n");
            assert_eq!(page.matches(&how).count(), usize::from(told), "{how}");
        }
    }
    assert!(seen > 20, "only {seen} programs");
}

pub fn every_trace_has_its_title_its_picture_and_leads_back() {
    let mut titles = BTreeSet::new();
    let mut with_signs = (0, 0);
    let traces = SITE.pages.iter();
    let traces = traces.filter(|(name, _)| name.starts_with("trace-"));
    for (name, page) in traces {
        let title = between(page, "<title>", "</title>")[0];
        assert!(
            titles.insert(title),
            "{name}: another is called {title} too"
        );
        let back = between(page, "<p class=\"back\"><a href=\"", "\"");
        let (file, anchor) = back[0].split_once('#').unwrap_or((back[0], ""));
        let target = &SITE.pages[file];
        assert!(
            target.contains(&format!("data-trace=\"{name}\"")),
            "{file} does not show {name}"
        );
        assert!(
            anchor.is_empty() || target.contains(&format!("id=\"{anchor}\"")),
            "{name}: {anchor}"
        );
        // The same run as a picture, and a link to it.
        let picture = name.replace(".html", ".svg");
        assert!(target.contains(&format!("<a href=\"{picture}\" download>")));
        let svg = fs::read_to_string(SITE.folder.join(&picture)).unwrap();
        assert!(
            svg.starts_with("<svg ") && svg.contains(">server</text>"),
            "{picture}"
        );
        // A sign is explained where it is.
        let breaks = page.contains("\">RST</span>");
        assert_eq!(page.contains(">RST: a side breaks"), breaks, "{name}");
        let threads =
            page.contains("<td class=\"server\">#2 ") || page.contains("<td class=\"client\">#2 ");
        assert_eq!(page.contains("<code>#2</code>: "), threads, "{name}");
        (with_signs.0, with_signs.1) = (
            with_signs.0 + usize::from(breaks),
            with_signs.1 + usize::from(threads),
        );
    }
    assert!(with_signs.0 > 0 && with_signs.1 > 0, "{with_signs:?}");
    assert!(titles.len() > 50, "only {}", titles.len());
}

/// A book is published: it must not tell whose machine made it, nor where and when.
pub fn no_page_tells_of_the_machine_or_the_day_of_its_build() {
    let mut secrets: Vec<String> = vec![
        SITE.catalog.root.display().to_string(),
        std::env::temp_dir().join("lab-book").display().to_string(),
        "/usr/lib/python".to_string(),
        "/.cargo/".to_string(),
        "/.rustup/".to_string(),
        "/target/debug".to_string(),
    ];
    if let Ok(home) = std::env::var("HOME")
        && home.len() > 1
    {
        secrets.push(format!("{home}/"));
    }
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let name = name.trim();
    // One that is also a word of the language says nothing.
    if name.contains(|letter: char| letter.is_ascii_digit() || letter == '-') {
        secrets.push(name.to_string());
    }
    let mut problems = Vec::new();
    for (page, html) in &SITE.pages {
        for secret in &secrets {
            if html.contains(secret.as_str()) {
                problems.push(format!("{page} has {secret}"));
            }
        }
        for date in dates(html) {
            problems.push(format!("{page} has {date}"));
        }
        // A trace has bytes too.
        for bytes in between(html, "\"bytes\":\"", "\"") {
            let bytes = STANDARD.decode(bytes).unwrap();
            for date in dates(&String::from_utf8_lossy(&bytes)) {
                problems.push(format!("{page} has {date} among its bytes"));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!(
        dates("a Sat, 28 Nov 2026 09:05:04 GMT, [28/Nov/2026 09:05:04] Nov 1"),
        ["28 Nov 2026 09:05", "28/Nov/2026 09:05"]
    );
}

/// Dates with a time of day, as HTTP and Python's web server write them.
fn dates(text: &str) -> Vec<&str> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut found = Vec::new();
    for month in MONTHS {
        for (at, _) in text.match_indices(month) {
            // 28/Nov/2026 09:05
            let Some(date) = at
                .checked_sub(3)
                .and_then(|start| text.get(start..start + 17))
            else {
                continue;
            };
            let digits = |range: std::ops::Range<usize>| {
                date.get(range)
                    .is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
            };
            if digits(0..2) && digits(7..11) && digits(12..14) && digits(15..17) {
                found.push(date);
            }
        }
    }
    found
}

pub fn pages_are_small_and_the_build_says_their_sizes() {
    let mut all = 0;
    let mut largest = 0;
    for (name, page) in &SITE.pages {
        all += page.len();
        if !name.starts_with("trace-") {
            largest = largest.max(page.len());
            assert!(page.len() <= 100 * 1024, "{name}: {}", page.len());
        }
    }
    for asset in ASSETS {
        all += fs::read(SITE.folder.join(asset)).unwrap().len();
    }
    assert!(all <= 3 * 1024 * 1024, "{all} bytes");
    let said = format!("the largest {} KB", largest.div_ceil(1024));
    assert!(SITE.printed.contains(&said), "{}", SITE.printed);
    println!("{}", SITE.printed);
}
