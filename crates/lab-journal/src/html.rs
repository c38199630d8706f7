//! The run as a page: a slider that moves through it, and at each step what lies in the kernel's
//! queues, byte by byte. A page is one file, or one of many that share their style and script.
//!
//! The page asks nothing of the network. Without JavaScript it still shows the whole picture.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Context;
use data_encoding::BASE64;
use serde::Serialize;

use crate::layout::{Arrow, Line, Row, Widths, lines};
use crate::model::{Call, Data, Entry, Event, Journal, Piece, Side, Source, Transport};
use crate::picture;
use crate::queues::{self, Queues};
pub use crate::svg::escaped;

/// Texts are quoted as for a terminal of so many columns.
const COLUMNS: usize = 132;
/// So many bytes of each send are in the page.
const BYTES: usize = 256;
/// So many pieces of a queue are in the page.
const PIECES: usize = 32;

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// What the script gets.
#[derive(Debug, Serialize)]
struct Run {
    /// What the send and the receive queues are called.
    names: [&'static str; 2],
    /// Said where nothing waits.
    empty: &'static str,
    steps: Vec<Step>,
    /// The sockets whose queues ever hold something, by their place in the journal.
    sockets: BTreeMap<usize, String>,
    /// The sends whose bytes ever lie in a queue, by their place in the journal.
    sends: BTreeMap<usize, Send>,
}

/// A row of the picture, and what lies in the queues then.
#[derive(Debug, Serialize)]
struct Step {
    /// In words, for a screen reader.
    says: String,
    queues: Vec<Waiting>,
}

/// The queues of one socket.
#[derive(Debug, Serialize)]
struct Waiting {
    socket: usize,
    send: Queue,
    receive: Queue,
}

#[derive(Debug, Serialize)]
struct Queue {
    /// The first pieces: the send, the place in it, the length.
    pieces: Vec<(usize, u64, u64)>,
    /// How many bytes it holds in all.
    length: u64,
}

#[derive(Debug, Serialize)]
struct Send {
    number: usize,
    side: &'static str,
    length: u64,
    /// The first bytes, in base64.
    bytes: String,
}

/// The files that pages of a site share, which have to be next to them: name and text.
pub const SHARED: [(&str, &str); 2] = [("trace.css", STYLE), ("trace.js", SCRIPT)];

/// What stands above the run.
#[derive(Debug, Clone, Copy)]
pub struct Heading<'a> {
    /// The page's title.
    pub title: &'a str,
    /// The page of a site that this one belongs to: its address and its title. A page of a site
    /// needs the files [`SHARED`] next to it; any other is whole by itself.
    pub back: Option<(&'a str, &'a str)>,
}

impl<'a> From<&'a str> for Heading<'a> {
    fn from(title: &'a str) -> Self {
        Heading { title, back: None }
    }
}

/// The run as a document of HTML.
///
/// In a frame the page tells the page around it which call is pointed at, and lights the calls that
/// it is asked to: `page/page.js` describes the messages.
///
/// # Errors
///
/// None that is known of: every part has a form in JSON.
pub fn draw<'a>(journal: &Journal, heading: impl Into<Heading<'a>>) -> anyhow::Result<String> {
    let heading = heading.into();
    let widths = Widths::of(COLUMNS);
    let mut rows = picture::rows(journal, &widths);
    for row in &mut rows {
        // Each call has its own line of the source next to it.
        if source_of(journal, row).is_some() {
            row.joins = None;
        }
    }
    let lines = lines(rows, &widths);
    let numbers = numbers(journal);
    let rows: Vec<&Row> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Row(row, _) => Some(row),
            Line::Across(_) => None,
        })
        .collect();
    let run = run(journal, &rows, &numbers);
    // Within a script only `<` could end it.
    let json = serde_json::to_string(&run)
        .context("cannot write the run as JSON")?
        .replace('<', "\\u003c");
    let mut body = String::new();
    let mut number = 0;
    for line in &lines {
        match line {
            Line::Row(row, time) => {
                table_row(&mut body, journal, &numbers, row, number, time);
                number += 1;
            }
            Line::Across(words) => {
                let words = escaped(words);
                let _ = writeln!(
                    body,
                    "<tr><td></td><td colspan=\"3\" class=\"across\">⋮ {words}</td></tr>"
                );
            }
        }
    }
    let mut notes = String::new();
    for note in &journal.notes {
        let _ = writeln!(notes, "<p class=\"note\">Note: {}</p>", escaped(note));
    }
    if journal.left_out > 0 {
        let _ = writeln!(
            notes,
            "<p class=\"note\">{} later events are not in the journal: it was full.</p>",
            journal.left_out
        );
    }
    for words in legend(journal, &rows) {
        let _ = writeln!(notes, "<p class=\"note\">{words}</p>");
    }
    let title = escaped(heading.title);
    let back = heading.back.map_or(String::new(), |(address, title)| {
        let (address, title) = (escaped(address), escaped(title));
        format!("<p class=\"back\"><a href=\"{address}\" target=\"_top\">← {title}</a></p>\n")
    });
    let queues = match journal.relay {
        true => "In the relay, on the way from a side to the other",
        false => "In the kernel's queues",
    };
    let last_step = number.saturating_sub(1);
    let [style, script] = match heading.back {
        None => [
            format!("<style>\n{STYLE}</style>"),
            format!("<script>\n{SCRIPT}</script>"),
        ],
        Some(_) => {
            let [(style, _), (script, _)] = SHARED;
            [
                format!("<link rel=\"stylesheet\" href=\"{style}\">"),
                format!("<script src=\"{script}\"></script>"),
            ]
        }
    };
    Ok(format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
{style}
</head>
<body>
<main>
{back}<h1>{title}</h1>
<noscript><p class="note">Without JavaScript this page shows the run, but not the queues.</p></noscript>
<div class="fixed" id="fixed" hidden>
<div class="control">
<button type="button" id="back" aria-label="one step back">◀</button>
<input type="range" id="step" min="0" max="{last_step}" value="0" aria-label="step of the run">
<button type="button" id="next" aria-label="one step forward">▶</button>
<span id="where"></span>
</div>
<section aria-labelledby="queues-title">
<h2 id="queues-title">{queues}</h2>
<div id="queues"></div>
<p id="told" class="hidden" aria-live="polite"></p>
</section>
</div>
<section aria-labelledby="run-title">
<h2 id="run-title">What happened</h2>
<table>
<thead><tr><th scope="col">ms</th><th scope="col">server</th><th scope="col">network</th><th scope="col">client</th></tr></thead>
<tbody id="rows">
{body}</tbody>
</table>
{notes}</section>
</main>
<script type="application/json" id="run">{json}</script>
{script}
</body>
</html>
"#
    ))
}

/// What the signs of the picture mean that do not tell it themselves: those that this run has.
fn legend(journal: &Journal, rows: &[&Row]) -> Vec<&'static str> {
    let mut legend = Vec::new();
    if rows.iter().any(|row| row.text.starts_with('#')) {
        legend.push(
            "<code>#2</code>: the second thread, process or connection of that side, counted as they began.",
        );
    }
    let breaks = |entry: &Entry| matches!(&entry.event, Event::Segment(segment) if segment.rst);
    if journal.entries.iter().any(breaks) {
        legend.push(
            "RST: a side breaks the connection off, or has no such connection: what is sent to it is thrown away. \
             A close sends it instead of FIN when bytes that came were not read.",
        );
    }
    legend
}

/// Each send's number, by its place in the journal.
fn numbers(journal: &Journal) -> BTreeMap<usize, usize> {
    let sends = journal.entries.iter().enumerate();
    let sends = sends.filter(|(_, entry)| match &entry.event {
        Event::Call(call) => call.data.as_ref().is_some_and(|data| data.sent),
        _ => false,
    });
    sends.map(|(place, _)| place).zip(1..).collect()
}

fn table_row(
    out: &mut String,
    journal: &Journal,
    numbers: &BTreeMap<usize, usize>,
    row: &Row,
    number: usize,
    time: &str,
) {
    let mut cells = [String::new(), String::new(), String::new()];
    let mut text = escaped(&row.text);
    for send in sends_of(journal, row) {
        if let Some(number) = numbers.get(&send) {
            let _ = write!(
                text,
                " <span class=\"chip s{}\">send {number}</span>",
                number % 6
            );
        }
    }
    if let Some(source) = source_of(journal, row) {
        let step = source.step.as_ref().map_or(String::new(), |step| {
            format!("<span class=\"of-step\">{}</span> ", escaped(step))
        });
        let _ = write!(
            text,
            "<span class=\"source\">{step}{}:{} <code>{}</code></span>",
            escaped(&source.file),
            source.line,
            escaped(&source.text)
        );
    }
    cells[row.column as usize] = match row.arrow {
        Some(Arrow::ToServer) => format!("<span class=\"arrow left\">{text}</span>"),
        Some(Arrow::ToClient) => format!("<span class=\"arrow right\">{text}</span>"),
        None => text,
    };
    let [server, network, client] = cells;
    let line = line_of(journal, row).map_or(String::new(), |(side, source)| {
        let (side, file) = (side.name(), escaped(&source.file));
        format!(
            " data-side=\"{side}\" data-file=\"{file}\" data-line=\"{}\"",
            source.line
        )
    });
    let _ = writeln!(
        out,
        "<tr data-step=\"{number}\"{line}><td class=\"time\">{time}</td><td class=\"server\">{server}</td>\
         <td class=\"network\">{network}</td><td class=\"client\">{client}</td></tr>"
    );
}

/// The line that a row's call comes from.
fn source_of<'a>(journal: &'a Journal, row: &Row) -> Option<&'a Source> {
    journal.call(row.place)?.source.as_ref()
}

/// The line that a row's call comes from, or that of the call that sent a segment, and whose it is.
fn line_of<'a>(journal: &'a Journal, row: &Row) -> Option<(Side, &'a Source)> {
    let place = match &journal.entries.get(row.place)?.event {
        Event::Segment(segment) => segment.call?,
        _ => row.place,
    };
    let call = journal.call(place)?;
    Some((journal.side(call.process)?, call.source.as_ref()?))
}

/// The sends that a row is about: itself, those whose bytes it received, the one it carries.
fn sends_of(journal: &Journal, row: &Row) -> Vec<usize> {
    let begins = row.text.ends_with('…') || row.text.ends_with("waits");
    match &journal.entries[row.place].event {
        Event::Call(Call {
            data: Some(data), ..
        }) if !begins => {
            if data.sent {
                vec![row.place]
            } else {
                data.from.iter().map(|piece| piece.call).collect()
            }
        }
        Event::Segment(segment) if segment.length > 0 => segment.call.into_iter().collect(),
        _ => Vec::new(),
    }
}

fn run(journal: &Journal, rows: &[&Row], numbers: &BTreeMap<usize, usize>) -> Run {
    let moments: Vec<u64> = rows.iter().map(|row| row.at).collect();
    let snapshots = queues::at(journal, &moments);
    let (names, empty) = match journal.relay {
        true => (["in the relay", ""], "nothing is in the relay"),
        false => (["send queue", "receive queue"], "all queues are empty"),
    };
    let mut run = Run {
        names,
        empty,
        steps: Vec::new(),
        sockets: BTreeMap::new(),
        sends: BTreeMap::new(),
    };
    for (row, snapshot) in rows.iter().zip(snapshots) {
        let column = row.column.name();
        let mut step = Step {
            says: format!("{column}: {}", row.text),
            queues: Vec::new(),
        };
        for (socket, Queues { send, receive }) in snapshot {
            run.sockets
                .entry(socket)
                .or_insert_with(|| name(journal, socket));
            for piece in send.iter().chain(&receive) {
                if let Some(data) = data_of(journal, piece.call) {
                    run.sends
                        .entry(piece.call)
                        .or_insert_with(|| described(journal, numbers, piece.call, data));
                }
            }
            step.queues.push(Waiting {
                socket,
                send: queue(&send),
                receive: queue(&receive),
            });
        }
        run.steps.push(step);
    }
    run
}

fn queue(pieces: &[Piece]) -> Queue {
    let first = pieces.iter().take(PIECES);
    Queue {
        pieces: first
            .map(|piece| (piece.call, piece.offset, piece.length))
            .collect(),
        length: pieces
            .iter()
            .fold(0, |sum, piece| sum.saturating_add(piece.length)),
    }
}

fn data_of(journal: &Journal, place: usize) -> Option<&Data> {
    journal.call(place)?.data.as_ref()
}

fn described(
    journal: &Journal,
    numbers: &BTreeMap<usize, usize>,
    place: usize,
    data: &Data,
) -> Send {
    let side = journal
        .call(place)
        .and_then(|call| journal.side(call.process));
    Send {
        number: numbers.get(&place).copied().unwrap_or(0),
        side: side.unwrap_or(Side::Server).name(),
        length: data.length,
        bytes: BASE64.encode(&data.bytes[..data.bytes.len().min(BYTES)]),
    }
}

/// A socket for people: whose it is, and its ports.
fn name(journal: &Journal, place: usize) -> String {
    let side = queues::side_of(journal, place)
        .unwrap_or(Side::Server)
        .name();
    let Some(socket) = journal.sockets.get(place) else {
        return side.to_string();
    };
    let protocol = match socket.transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
    };
    let port = |address: Option<std::net::SocketAddr>| {
        address.map_or("?".to_string(), |address| address.port().to_string())
    };
    let peer = match socket.peer {
        Some(_) => format!(", connected to port {}", port(socket.peer)),
        None => String::new(),
    };
    format!("{side}, {protocol} port {}{peer}", port(socket.local))
}
