//! What the page of an exercise says before its programs: what is asked, how large it is, hints.

use std::fs;

use lab_core::catalog::{Program, Role};
use lab_core::steps::of_line;

use super::pages::page_of;
use super::site::{SITE, between, text};

/// The verdict is that of a check, and what the check asks is said before the programs.
pub fn every_side_that_can_be_checked_shows_what_is_asked_and_the_verdict_on_ours() {
    let mut seen = 0;
    for exercise in SITE.exercises() {
        let page = &SITE.pages[&format!("{}.html", exercise.id)];
        let commands = between(page, "id=\"check\"", "</pre>")
            .iter()
            .map(|html| text(html).matches("$ cargo lab check ").count())
            .sum();
        let verdicts = between(page, "id=\"verdict\"", "</details>");
        let verdicts: String = verdicts.iter().map(|html| text(html)).collect();
        for (words, count) in [
            ("$ cargo lab check ", commands),
            ("\nDoes it do what the sheet asks? Yes: ", commands),
            ("\nfail ", 0),
        ] {
            assert_eq!(
                verdicts.matches(words).count(),
                count,
                "{words}: {verdicts}"
            );
        }
        let asks = between(page, "id=\"asks\"", "<details");
        assert_eq!(asks.len(), usize::from(commands > 0), "{}", exercise.id);
        for ask in &asks {
            assert!(ask.matches("<ul>").count() == commands, "{ask}");
            assert!(ask.matches("<li>").count() >= commands, "{ask}");
        }
        seen += commands;
    }
    let hello = &SITE.pages["dsd-hello.html"];
    let asks = between(hello, "id=\"asks\"", "<details").concat();
    assert!(text(&asks).contains("I got \"…\" from you and I am sending it back"));
    assert!(seen > 25, "only {seen} sides");
}

/// The exercise's own steps are in sight, and so are their hints and the way to what is below; what
/// reads the arguments is behind a click.
pub fn the_exercise_is_in_sight_and_what_is_around_it_behind_a_click() {
    let mut folded = 0;
    for (exercise, program) in SITE.programs() {
        let page = page_of(exercise, program);
        let begin = format!("<section class=\"program\" id=\"{}\"", program.package);
        let section = between(page, &begin, "</section>")[0];
        let rest = between(section, "<details class=\"rest\">", "</details>");
        folded += rest.len();
        for part in &rest {
            assert!(!part.contains("endregion: exercise"), "{part}");
            assert!(part.contains("Around the exercise: "), "{part}");
        }
        let source = SITE.catalog.root.join(&program.folder).join("src/main.rs");
        let regions = fs::read_to_string(source)
            .unwrap()
            .contains("// region: exercise");
        assert_eq!(rest.is_empty(), !regions, "{}", program.package);
        let code = section.find("<div class=\"code").unwrap();
        if let Some(hints) = section.find("Hints for writing it yourself") {
            assert!(
                hints < code,
                "{}: hints after the solution",
                program.package
            );
        }
        if let Some(notice) = section.find("-what-to-notice\">") {
            assert!(
                notice < code,
                "{}: no way to what is below",
                program.package
            );
        }
    }
    assert!(folded > 50, "only {folded} parts");
}

/// A transcript whose date was taken out says so, and no other does.
pub fn a_masked_date_is_explained_where_it_is() {
    let mut masked = 0;
    for exercise in SITE.exercises() {
        let page = &SITE.pages[&format!("{}.html", exercise.id)];
        let run = between(page, "<section id=\"run\"", "</section>").concat();
        let shown: String = between(&run, "<figure>", "</figure>").concat();
        let has = shown.contains("DD Mon YYYY") || shown.contains("DD/Mon/YYYY");
        assert_eq!(
            run.contains("Letters stand for the date"),
            has,
            "{}",
            exercise.id
        );
        masked += usize::from(has);
    }
    assert!(masked > 0, "socket_4 shows a web server's answer");
}

/// The path says how many steps each exercise has.
pub fn the_path_counts_the_steps_of_every_exercise() {
    let root = &SITE.catalog.root;
    let path = fs::read_to_string(root.join("crates/lab-book/chapters/10-path.md")).unwrap();
    for exercise in SITE.exercises() {
        let steps: usize = exercise
            .programs
            .iter()
            .filter(|program| program.role != Role::Library)
            .map(|program| root.join(&program.folder).join("src/main.rs"))
            .map(|main| fs::read_to_string(main).unwrap())
            .map(|main| main.lines().filter_map(|line| of_line(line, "//")).count())
            .sum();
        let line = path.lines().find(|line| {
            let links = |program: &Program| line.contains(&format!("(../../{})", program.package));
            line.starts_with("| ") && exercise.programs.iter().any(links)
        });
        let line = line.unwrap_or_else(|| panic!("{} is not on the path", exercise.id));
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        assert!(["1", "2", "3"].contains(&cells[3]), "{line}");
        assert_eq!(cells[4], steps.to_string(), "{line}");
    }
}
