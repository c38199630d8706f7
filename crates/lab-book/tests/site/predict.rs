//! The questions: each answered by a run, on the pages and in a terminal.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::chromium::Chromium;
use super::site::{SITE, between, workspace};

/// Of a user who has answered nothing yet.
fn predict(words: &[&str], input: &str) -> Output {
    predict_with(tempfile::tempdir().unwrap().path(), words, input)
}

/// Of a user whose answers are kept below this folder.
fn predict_with(state: &Path, words: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lab-book"))
        .arg("predict")
        .args(words)
        .current_dir(workspace())
        .env("XDG_STATE_HOME", state)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

/// The build has compared each right answer with its run, and each of the gallery's with another.
pub fn at_least_sixty_questions_are_on_the_pages_and_three_on_each() {
    let mut all = 0;
    let mut of_gallery = 0;
    for exercise in SITE.exercises() {
        let page = &SITE.pages[&format!("{}.html", exercise.id)];
        let count = page.matches("<fieldset class=\"ask\"").count();
        // The middleware's demo of three programs is not recorded.
        assert!(
            count >= 3 || exercise.id == "transparency-middleware",
            "{}",
            exercise.id
        );
        for ask in between(page, "<fieldset class=\"ask\"", "</fieldset>") {
            let right = between(ask, "data-right=\"", "\"")[0];
            let choices = between(ask, "value=\"", "\"");
            assert!(choices.len() > 1, "{ask}");
            assert_eq!(
                choices.iter().filter(|choice| **choice == right).count(),
                1,
                "{ask}"
            );
            assert_eq!(ask.matches("<li>").count() + 1, choices.len(), "{ask}");
            of_gallery += ask.matches("is what a faulty program gives").count();
        }
        all += count;
    }
    assert!(all >= 60, "only {all}");
    assert!(of_gallery >= 10, "only {of_gallery}");
    println!("{all} questions; {of_gallery} wrong answers come from runs of the gallery");
}

pub fn a_broken_program_fails_its_question() {
    let good = predict(&["dsd-eof", "--check"], "");
    assert!(good.status.success(), "{good:?}");
    let broken = "python3 crates/lab-check/gallery/dsd-eof/one-recv.py 65432";
    let bad = predict(&["dsd-eof", "--check", "--server", broken], "");
    assert!(!bad.status.success());
    let said = String::from_utf8_lossy(&bad.stdout);
    let line = said
        .lines()
        .find(|line| line.starts_with("answer-in-pieces: "))
        .unwrap();
    assert!(line.contains("I got \"Hello wo\" from you"), "{line}");
    assert!(
        line.contains(", and not Server says: I got \"Hello world\""),
        "{line}"
    );
}

/// What a run answers with the user's program is told as that, and ours is not called wrong.
pub fn your_own_program_answers_for_itself() {
    let own = "python3 crates/lab-check/gallery/dsd-eof/one-recv.py 65432";
    let data = fs::read_to_string(workspace().join("crates/lab-book/exercises/dsd-eof.toml"));
    let data = data.unwrap();
    let place = between(&data, "id = \"", "\"")
        .iter()
        .position(|id| *id == "answer-in-pieces");
    // Up to that question; what is picked does not matter here.
    let output = predict(
        &["dsd-eof", "--server", own],
        &"a\n".repeat(place.unwrap() + 1),
    );
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let told = "   That is what your program gives. With ours it is Server says: I got \"Hello world\" from you \
                and I am sending it back.: ";
    assert!(said.contains(told), "{said}");
    assert!(said.contains("I got \"Hello wo\" from you"), "{said}");
}

pub fn the_terminal_asks_and_tells_what_a_wrong_answer_believes() {
    // "x" is no choice: it asks again.
    let output = predict(&["transparency-socket1"], "x\na\nb\n");
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("1. How many segments does this program send?"),
        "{said}"
    );
    assert!(
        said.contains("   Right.\n   A socket is an entry in a table"),
        "{said}"
    );
    assert!(said.contains("   No: it is 0."), "{said}");
    assert!(
        said.contains("Your answer fits the belief that a program that worked says so."),
        "{said}"
    );
    assert!(said.ends_with("1 of 3 right, 1 not answered\n"), "{said}");
    let output = predict(&["transparency-middleware"], "");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("there are no questions about transparency-middleware"),
        "{said}"
    );
}

pub fn a_user_who_comes_back_sees_what_is_answered_and_goes_on() {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("cargo-lab/predict.json");
    let said = |words: &[&str], input: &str| {
        let output = predict_with(state.path(), words, input);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let first = said(&["transparency-socket1"], "a\nb\n");
    assert!(first.ends_with("1 of 3 right, 1 not answered\n"), "{first}");
    let back = said(&["transparency-socket1"], "a\n");
    assert!(
        back.contains("send?\n   You answered 0: right.\n"),
        "{back}"
    );
    assert!(
        back.contains("print?\n   You answered 1. It is 0.\n"),
        "{back}"
    );
    let told = format!("2 of 3 are answered, in {}\n", file.display());
    assert!(back.contains(&told), "{back}");
    assert_eq!(back.matches("   a to ").count(), 1, "{back}");
    // All are answered now: nothing is asked, and nothing is run.
    let all = said(&["transparency-socket1"], "");
    assert!(all.contains("3 of 3 are answered"), "{all}");
    assert!(!all.contains("   a to "), "{all}");
    let again = said(&["transparency-socket1", "--again"], "");
    assert!(again.contains("   a to "), "{again}");
    assert!(again.ends_with("0 of 3 right, 3 not answered\n"), "{again}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "{}\n");
    // Half a file: told before anything is asked, and left as it is.
    fs::write(&file, "{\"dsd-eof\": {").unwrap();
    let broken = predict_with(state.path(), &["transparency-socket1", "--again"], "a\n");
    assert_eq!(broken.status.code(), Some(1));
    assert_eq!(broken.stdout, b"");
    let told = String::from_utf8(broken.stderr).unwrap();
    assert!(told.contains("cannot understand your answers in"), "{told}");
    assert!(told.contains("hint: repair the file"), "{told}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "{\"dsd-eof\": {");
}

/// An answer about another program is not kept as one about ours.
pub fn answers_about_your_own_program_are_not_kept() {
    let state = tempfile::tempdir().unwrap();
    let words = ["transparency-socket1", "--client", "python"];
    let output = predict_with(state.path(), &words, "a\n");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read_dir(state.path()).unwrap().count(), 0);
}

pub fn a_wrong_pick_opens_the_trace_and_is_kept_in_the_browser() {
    let mut browser = Chromium::start();
    let url = format!("file://{}/dsd-eof.html", SITE.folder.display());
    browser.open(&url);
    let opened = browser.evaluate(
        "new Promise((done) => {
           const ask = document.getElementById('predict-cut');
           const wrong = [...ask.querySelectorAll('input')].find((it) => it.value !== ask.dataset.right);
           new MutationObserver(() => {
             const frame = ask.querySelector('iframe');
             if (frame) frame.addEventListener('load', () => done([frame.getAttribute('src'), wrong.closest('label').className]));
           }).observe(ask, {childList: true, subtree: true});
           wrong.click();
         })",
    );
    assert_eq!(
        opened,
        serde_json::json!(["trace-dsd-eof-cut.html", "wrong"])
    );
    browser.open(&url);
    let kept = browser.evaluate(
        "[document.querySelectorAll('#predict-cut .wrong').length, document.querySelector('#predict-cut .answer').open]",
    );
    assert_eq!(kept, serde_json::json!([1, false]));
    // The right pick shows the reason, and no trace.
    let right = browser.evaluate(
        "(() => { const ask = document.getElementById('predict-cut');
           [...ask.querySelectorAll('input')].find((it) => it.value === ask.dataset.right).click();
           return [ask.querySelector('.right') !== null, ask.querySelector('.answer').open,
             document.querySelector('.tally strong').textContent]; })()",
    );
    let count = SITE.pages["dsd-eof.html"].matches("<fieldset").count();
    assert_eq!(
        right,
        serde_json::json!([true, true, format!("1 of {count} right.")])
    );
}
