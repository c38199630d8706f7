//! The pages of recorded runs, which `cargo lab trace --out run.html` writes, in a browser.

use std::fs;

use lab_journal::{Journal, html};
use serde_json::json;

use super::browser::{Rules, load_axe, violations};
use super::chromium::Chromium;
use super::site::{axe, workspace};

/// The step that a page shows, and where its slider is.
const SHOWN: &str = "[[...document.querySelectorAll('tr[data-step]')].findIndex((row) => \
     row.hasAttribute('aria-current')), Number(document.getElementById('step').value)]";

pub fn pages_of_runs_are_for_everyone_at_any_width_and_in_either_scheme() {
    let axe = fs::read_to_string(axe()).unwrap();
    let mut browser = Chromium::start();
    let mut problems = Vec::new();
    let mut pages = 0;
    for entry in fs::read_dir(workspace().join("crates/lab-journal/tests/golden")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        pages += 1;
        let run = Journal::from_json(&fs::read_to_string(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let file = browser.folder().join(format!("{name}.html"));
        fs::write(&file, html::draw(&run, name.as_str()).unwrap()).unwrap();
        let address = format!("file://{}", file.display());
        browser.open(&address);
        load_axe(&mut browser, &axe);
        for (width, scheme, rules) in [
            (360, "light", Rules::All),
            (360, "dark", Rules::Contrast),
            (1280, "light", Rules::All),
            (1280, "dark", Rules::Contrast),
        ] {
            browser.look(width, scheme);
            let wide = browser.evaluate("document.documentElement.scrollWidth");
            if wide.as_u64().unwrap() > width as u64 {
                problems.push(format!("{name} at {width}: {wide} wide"));
            }
            for one in violations(&mut browser, rules) {
                problems.push(format!("{name} {width} {scheme}: {one}"));
            }
        }
        problems.extend(browser.complaints(&address));
        move_by_mouse_and_key(&mut browser, &name);
    }
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!(pages, 10);
}

/// To the slider's middle by the mouse; then a step on by the keyboard.
fn move_by_mouse_and_key(browser: &mut Chromium, name: &str) {
    let place = browser.evaluate(
        "(() => { const it = document.getElementById('step').getBoundingClientRect();
           return [it.x + it.width / 2, it.y + it.height / 2, document.querySelectorAll('tr[data-step]').length]; })()",
    );
    for kind in ["mousePressed", "mouseReleased"] {
        let (x, y) = (&place[0], &place[1]);
        browser.ask(
            "Input.dispatchMouseEvent",
            &json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}),
        );
    }
    let middle = browser.evaluate(SHOWN)[1].as_u64().unwrap();
    let steps = place[2].as_u64().unwrap();
    let is_middle = middle.abs_diff(steps / 2) <= 1;
    assert!(is_middle, "{name}: {middle} of {steps}");
    browser.press("ArrowRight");
    let next = json!([middle + 1, middle + 1]);
    assert_eq!(browser.evaluate(SHOWN), next, "{name}");
}
