//! Ten recorded runs, each drawn as text, as SVG and as a page.
//!
//! `golden/NAME.json` is the run. `LAB_UPDATE=1 cargo test -p lab-journal --test files` draws the
//! pictures again; read them before they go in.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use lab_journal::html::Heading;
use lab_journal::layout::Style;
use lab_journal::{Event, Journal, html, picture, queues, svg};
use quick_xml::events::Event as Xml;
use serde_json::Value;

const STYLE: Style = Style {
    width: 80,
    color: false,
    ascii: false,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn runs() -> Vec<(String, Journal)> {
    let mut runs = Vec::new();
    for entry in fs::read_dir(folder()).expect("the folder of runs") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let text = fs::read_to_string(&path).expect("a run");
            let name = path.file_stem().expect("a name").to_string_lossy();
            let journal = Journal::from_json(&text).expect("a journal");
            runs.push((name.into_owned(), journal));
        }
    }
    assert_eq!(runs.len(), 10, "ten runs are kept");
    runs
}

/// The names of a document's elements, if it is well formed.
fn elements(document: &str) -> Result<BTreeMap<String, usize>, quick_xml::Error> {
    let mut reader = quick_xml::Reader::from_str(document);
    let mut names = BTreeMap::new();
    loop {
        match reader.read_event()? {
            Xml::Start(element) | Xml::Empty(element) => {
                let name = String::from_utf8_lossy(element.name().as_ref()).into_owned();
                *names.entry(name).or_default() += 1;
            }
            Xml::Eof => return Ok(names),
            _ => {}
        }
    }
}

#[test]
fn pictures_of_recorded_runs_are_as_they_were() {
    for (name, journal) in runs() {
        let pictures = [
            ("txt", picture::draw(&journal, STYLE)),
            ("svg", svg::draw(&journal)),
        ];
        for (ending, drawn) in pictures {
            let path = folder().join(format!("{name}.{ending}"));
            if std::env::var_os("LAB_UPDATE").is_some() {
                fs::write(&path, &drawn).expect("it can be written");
            }
            let kept = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                kept == drawn,
                "{name}.{ending} is not what is kept:\n{drawn}"
            );
        }
    }
}

#[test]
fn a_picture_in_svg_is_well_formed_and_small() {
    for (name, journal) in runs() {
        let drawn = svg::draw(&journal);
        let elements = elements(&drawn).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(elements["text"] > 5, "{name}: {elements:?}");
        assert!(drawn.len() <= 100_000, "{name} has {} bytes", drawn.len());
    }
}

/// What the page's script gets.
fn data(page: &str) -> Value {
    let (_, rest) = page
        .split_once("<script type=\"application/json\" id=\"run\">")
        .expect("the page has the run");
    let (json, _) = rest.split_once("</script>").expect("the run ends");
    serde_json::from_str(json).expect("it is JSON")
}

#[test]
fn a_page_is_small_asks_for_nothing_and_has_a_row_for_each_step() {
    for (name, journal) in runs() {
        let page = html::draw(&journal, name.as_str()).expect("a page");
        assert!(page.len() <= 400_000, "{name} has {} bytes", page.len());
        // An empty icon, so that a browser does not ask for one.
        let rest = page.replace("<link rel=\"icon\" href=\"data:,\">", "");
        for outside in ["http:", "https:", "src=", "href=", "@import", "url("] {
            assert!(!rest.contains(outside), "{name}: {outside}");
        }
        let steps = data(&page)["steps"].as_array().expect("steps").len();
        assert_eq!(page.matches("<tr data-step=").count(), steps, "{name}");
    }
}

#[test]
fn a_page_of_a_site_shares_its_style_and_script_and_is_the_same_otherwise() {
    let shared: usize = html::SHARED.iter().map(|(_, text)| text.len()).sum();
    for (name, journal) in runs() {
        let whole = html::draw(&journal, name.as_str()).expect("a page");
        let heading = Heading {
            title: &name,
            back: Some(("a.html", "A")),
        };
        let page = html::draw(&journal, heading).expect("a page");
        assert!(page.len() + shared < whole.len() + 200, "{name}");
        assert_eq!(data(&page), data(&whole), "{name}");
        for (file, text) in html::SHARED {
            assert!(page.contains(&format!("=\"{file}\"")), "{name}: {file}");
            assert!(whole.contains(text), "{name}: {file}");
        }
    }
}

#[test]
fn a_page_has_the_bytes_that_lie_in_the_queues() {
    for (name, journal) in runs() {
        let data = data(&html::draw(&journal, name.as_str()).expect("a page"));
        // Every moment at which a row can be: each entry's begin and end.
        let mut moments: Vec<u64> = Vec::new();
        for entry in &journal.entries {
            moments.push(entry.at);
            if let Event::Call(call) = &entry.event {
                moments.extend(call.ended);
            }
        }
        moments.sort_unstable();
        let known: Vec<_> = queues::at(&journal, &moments)
            .iter()
            .map(|sockets| bytes_of(&journal, sockets))
            .collect();
        for step in data["steps"].as_array().expect("steps") {
            let shown = shown(&data, step);
            assert!(known.contains(&shown), "{name}: {step}: {shown:?}");
        }
    }
}

/// The bytes in each socket's queues, as the journal has them.
type Bytes = BTreeMap<usize, (Vec<u8>, Vec<u8>)>;

fn bytes_of(journal: &Journal, sockets: &BTreeMap<usize, queues::Queues>) -> Bytes {
    let bytes = |pieces: &[lab_journal::Piece]| {
        let mut bytes = Vec::new();
        for piece in pieces {
            let data = journal.call(piece.call).expect("a call").data.as_ref();
            let from = usize::try_from(piece.offset).expect("short");
            let to = from + usize::try_from(piece.length).expect("short");
            bytes.extend(&data.expect("a send").bytes[from..to]);
        }
        bytes
    };
    sockets
        .iter()
        .map(|(socket, queues)| (*socket, (bytes(&queues.send), bytes(&queues.receive))))
        .collect()
}

/// The same, as the page's script has them.
fn shown(data: &Value, step: &Value) -> Bytes {
    let number = |value: &Value| usize::try_from(value.as_u64().expect("a number")).expect("short");
    let bytes = |queue: &Value| {
        let mut bytes = Vec::new();
        for piece in queue["pieces"].as_array().expect("pieces") {
            let send = &data["sends"][piece[0].to_string()];
            let all = BASE64
                .decode(send["bytes"].as_str().expect("base64").as_bytes())
                .expect("base64");
            let from = number(&piece[1]);
            bytes.extend(&all[from..from + number(&piece[2])]);
        }
        assert_eq!(number(&queue["length"]), bytes.len());
        bytes
    };
    let queues = step["queues"].as_array().expect("queues");
    queues
        .iter()
        .map(|of| {
            let both = (bytes(&of["send"]), bytes(&of["receive"]));
            (number(&of["socket"]), both)
        })
        .collect()
}

#[test]
fn what_a_program_prints_cannot_leave_its_place_in_a_page() {
    let (_, mut journal) = runs().remove(0);
    let hostile = "</script><script>alert(1)</script>&\"'<b>";
    for entry in &mut journal.entries {
        match &mut entry.event {
            Event::Output(output) => output.text = hostile.to_string(),
            Event::Call(call) => {
                if let Some(data) = &mut call.data {
                    data.bytes = hostile.as_bytes().to_vec();
                    data.length = data.bytes.len() as u64;
                }
            }
            _ => {}
        }
    }
    journal.notes.push(hostile.to_string());
    let page = html::draw(&journal, hostile).expect("a page");
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("<b>"));
    elements(&svg::draw(&journal)).expect("well formed");
}
