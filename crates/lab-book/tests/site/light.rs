//! What is tied together on a page: a call and its lines, a stream and what readers make of it.

use std::io::Read;

use labnet::frames::{DelimitedReader, FrameError};
use serde_json::{Value, json};

use super::chromium::Chromium;
use super::site::SITE;

/// Opens the trace of the page's run, and waits for it.
const OPEN_TRACE: &str = "new Promise((done) => {
   const details = document.querySelector('#run details.trace');
   details.addEventListener('toggle', () => details.querySelector('iframe').addEventListener('load', () => done(true)));
   details.open = true;
 })";

/// What is lit in the programs: the file's place in the row, the line's number, its text.
const LIT: &str = "[...document.querySelectorAll('.code[data-program] .row pre > .lit')].map((line) => {
   const pre = line.parentElement;
   const number = Number.parseInt(pre.style.counterReset.split(' ')[1], 10) + [...pre.children].indexOf(line) + 1;
   return [[...pre.parentElement.children].indexOf(pre), number, line.textContent.trim()];
 })";

/// The number of the first line with these words, in a source file of dsd-eof-server.
fn line_of(file: &str, words: &str) -> usize {
    let path = SITE.catalog.root.join("crates/dsd-eof-server").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    1 + text.lines().position(|line| line.contains(words)).unwrap()
}

pub fn a_call_lights_its_lines_and_a_step_lights_its_calls() {
    let mut browser = Chromium::start();
    browser.look(1440, "light");
    // From a file each page is an origin of its own: the frame can only be spoken to.
    browser.open(&format!("file://{}/dsd-eof.html", SITE.folder.display()));
    browser.evaluate(OPEN_TRACE);
    let bind = (
        line_of("src/main.rs", ".bind(&"),
        line_of("twin.py", ".bind("),
    );
    // The row of bind in the trace is pointed at, as its own script tells it.
    let lit = |browser: &mut Chromium, act: &str| -> Value {
        browser.evaluate(&format!(
            "new Promise((done) => {{
               const frame = document.querySelector('#run iframe').contentWindow;
               const rows = [...frame.document.querySelectorAll('tr[data-step]')];
               const row = rows.find((row) => row.dataset.side === 'server' && row.querySelector('.server').textContent.startsWith('bind'));
               const line = Number(row.dataset.line);
               window.addEventListener('message', function heard({{ data }}) {{
                 if (data.labTrace?.line !== line || data.labTrace.side !== 'server') return;
                 window.removeEventListener('message', heard);
                 done({LIT});
               }});
               {act}
             }})"
        ))
    };
    let both = |found: &Value| {
        let lines: Vec<(usize, usize, String)> = serde_json::from_value(found.clone()).unwrap();
        lines
            .iter()
            .map(|(column, line, _)| (*column, *line))
            .collect::<Vec<_>>()
    };
    let wanted = [(0, bind.0), (1, bind.1)];
    let found = lit(
        &mut browser,
        "row.dispatchEvent(new PointerEvent('pointerenter'));",
    );
    assert_eq!(both(&found), wanted, "{found}");
    let mirror = browser.evaluate(
        "(() => { const mirror = document.querySelector('#run .mirror');
           return {seen: mirror.checkVisibility(), lit: mirror.querySelectorAll('pre > .lit').length,
             link: mirror.querySelector('a').getAttribute('href')}; })()",
    );
    assert_eq!(mirror["seen"], true);
    // The line in each language.
    assert_eq!(mirror["lit"], 2);
    let row = mirror["link"].as_str().unwrap().to_string();
    assert!(row.starts_with("#dsd-eof-server-step-"), "{row}");
    // With the keyboard: the slider's arrow keys come to that row.
    browser.evaluate(
        "document.querySelector('#run iframe').contentDocument.getElementById('step').focus(); 0",
    );
    let found = lit(
        &mut browser,
        "frame.document.getElementById('step').value = row.dataset.step;
         frame.document.getElementById('step').dispatchEvent(new Event('input'));",
    );
    assert_eq!(both(&found), wanted, "{found}");
    browser.press("ArrowRight");
    browser.press("ArrowLeft");
    let now = browser.evaluate(
        "document.querySelector('#run iframe').contentDocument.querySelector('tr[aria-current] .server').textContent.slice(0, 4)",
    );
    assert_eq!(now, "bind");
    // The other way: a step that has the focus lights its calls in the trace.
    let calls = browser.evaluate(&format!(
        "new Promise((done) => {{
           const frame = document.querySelector('#run iframe').contentWindow;
           frame.addEventListener('message', () => done([...frame.document.querySelectorAll('tr.lit .server')].map((cell) => cell.textContent.slice(0, 4))));
           document.querySelector('{row}').focus();
         }})"
    ));
    assert!(
        calls.as_array().unwrap().contains(&json!("bind")),
        "{calls}"
    );
    assert!(
        !calls.as_array().unwrap().contains(&json!("list")),
        "{calls}"
    );
}

const STREAM: &[u8] = b"one<EOF>two<EOF>";

/// A stream in three pieces, one for each call.
fn pieces(first: usize, second: usize) -> Vec<&'static [u8]> {
    let all = [&STREAM[..first], &STREAM[first..second], &STREAM[second..]];
    all.into_iter().filter(|piece| !piece.is_empty()).collect()
}

/// The table that the toy should show: what each recv gives, and what the two readers give.
fn expected(first: usize, second: usize) -> Vec<[String; 3]> {
    let pieces = pieces(first, second);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut rows = Vec::new();
    let mut given = 0;
    for (place, piece) in pieces.iter().enumerate() {
        // Readers chained one after another give each piece with a call of its own.
        let mut stream: Box<dyn Read> = Box::new(std::io::empty());
        for piece in &pieces[..=place] {
            stream = Box::new(stream.chain(*piece));
        }
        let mut reader = DelimitedReader::new(stream, b"<EOF>", 100);
        let mut messages = Vec::new();
        let kept = loop {
            match reader.read_message() {
                Ok(Some(message)) => messages.push(text(message)),
                Ok(None) => break 0,
                Err(FrameError::Truncated { received }) => break received,
                Err(error) => panic!("{error}"),
            }
        };
        let mut ours = messages[given..].to_vec();
        given = messages.len();
        if kept > 0 {
            let unit = if kept == 1 { "byte" } else { "bytes" };
            ours.push(format!("keeps {kept} {unit}"));
        }
        let naive = text(piece).replace("<EOF>", "");
        rows.push([text(piece), ours.join(" "), naive]);
    }
    rows
}

/// The table of the toy.
const TABLE: &str = "[...document.querySelectorAll('.toy tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent))";

fn open_toy(browser: &mut Chromium) {
    browser.look(768, "light");
    browser.open(&format!("file://{}/stream.html", SITE.folder.display()));
}

pub fn the_toy_shows_what_the_readers_give_at_each_cut() {
    let mut browser = Chromium::start();
    open_toy(&mut browser);
    let shown = browser.evaluate(&format!(
        "(() => {{ const inputs = document.querySelectorAll('.toy input');
           const all = [];
           for (let first = 0; first <= {length}; first += 1) for (let second = first; second <= {length}; second += 1) {{
             inputs[0].value = first; inputs[1].value = second;
             inputs[0].dispatchEvent(new Event('input'));
             const verdict = document.querySelector('.toy .verdict').textContent;
             all.push([first, second, {TABLE}, !verdict.endsWith('wrong.')]);
           }}
           return all; }})()",
        length = STREAM.len()
    ));
    type Shown = (usize, usize, Vec<[String; 3]>, bool);
    let shown: Vec<Shown> = serde_json::from_value(shown).unwrap();
    assert_eq!(shown.len(), 17 * 18 / 2);
    for (first, second, table, right) in shown {
        let wanted = expected(first, second);
        assert_eq!(table, wanted, "cut at {first} and {second}");
        let naive: Vec<&str> = wanted.iter().map(|[_, _, naive]| naive.as_str()).collect();
        assert_eq!(
            right,
            naive == ["one", "two"],
            "cut at {first} and {second}"
        );
    }
}

pub fn the_toy_is_cut_with_a_pointer_and_with_keys() {
    let mut browser = Chromium::start();
    open_toy(&mut browser);
    browser.evaluate("document.querySelector('.toy').scrollIntoView({behavior: 'instant', block: 'center'}); document.querySelector('.toy input').focus(); 0");
    let state = format!(
        "[Number(document.querySelector('.toy input').value), document.querySelector('.toy input').getAttribute('aria-valuetext'), {TABLE}]"
    );
    let second = browser.evaluate("Number(document.querySelectorAll('.toy input')[1].value)");
    let second = usize::try_from(second.as_u64().unwrap()).unwrap();
    let before = browser.evaluate(&state)[0].as_u64().unwrap();
    browser.press("ArrowLeft");
    browser.press("ArrowLeft");
    browser.press("ArrowRight");
    let after = browser.evaluate(&state);
    let at = usize::try_from(after[0].as_u64().unwrap()).unwrap();
    assert_eq!(at + 1, usize::try_from(before).unwrap());
    let said = format!(
        "{at} of 16: between {} and {}",
        char::from(STREAM[at - 1]),
        char::from(STREAM[at])
    );
    assert_eq!(after[1], json!(said));
    assert_eq!(after[2], json!(expected(at, second)));
    // The thumb is dragged to under the gap after byte 2.
    let places = browser.evaluate(
        "(() => { const input = document.querySelector('.toy input').getBoundingClientRect();
           const tape = document.querySelector('.tape').getBoundingClientRect();
           return [tape.left, tape.width, input.top + input.height / 2]; })()",
    );
    let places: [f64; 3] = serde_json::from_value(places).unwrap();
    let [left, width, y] = places;
    let gap = |number: f64| left + width * number / 16.0;
    #[allow(clippy::cast_precision_loss, reason = "a number below 17")]
    let from = gap(at as f64);
    for (kind, x) in [
        ("mousePressed", from),
        ("mouseMoved", gap(3.0)),
        ("mouseMoved", gap(2.0)),
        ("mouseReleased", gap(2.0)),
    ] {
        browser.ask(
            "Input.dispatchMouseEvent",
            &json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}),
        );
    }
    let after = browser.evaluate(&state);
    assert_eq!(after[0], 2);
    assert_eq!(after[2], json!(expected(2, second)));
    // With a finger, at a place on the track.
    for (kind, points) in [
        ("touchStart", json!([{"x": gap(5.0), "y": y}])),
        ("touchEnd", json!([])),
    ] {
        browser.ask(
            "Input.dispatchTouchEvent",
            &json!({"type": kind, "touchPoints": points}),
        );
    }
    let after = browser.evaluate(&state);
    assert_eq!(after[0], 5);
}
