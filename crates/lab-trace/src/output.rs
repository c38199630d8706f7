//! The run as a file, in the form that the file's ending names.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use lab_journal::layout::Style;
use lab_journal::pcapng::{self, Packet};
use lab_journal::{Event, Journal, html, picture, svg};
use labnet::Hint;

/// A picture in a file has so many columns.
const WIDTH: usize = 100;

/// A recorded run.
pub struct Run {
    /// What happened.
    pub journal: Journal,
    /// Whether packets could be captured.
    pub captured: bool,
    /// Whole packets, where a file wants them, with their places in the journal.
    pub packets: Vec<(usize, Vec<u8>)>,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A page with a slider and the queues.
    Html,
    /// The picture for a slide or a page.
    Svg,
    /// The picture as on the terminal.
    Text,
    /// The journal.
    Json,
    /// The packets, for Wireshark.
    Pcapng,
}

impl Form {
    /// The form that a file's ending names.
    pub fn of(file: &Path) -> anyhow::Result<Self> {
        let ending = file.extension().unwrap_or_default().to_ascii_lowercase();
        Ok(match ending.to_string_lossy().as_ref() {
            "html" => Form::Html,
            "svg" => Form::Svg,
            "txt" => Form::Text,
            "json" => Form::Json,
            "pcapng" => Form::Pcapng,
            _ => {
                return Err(anyhow!("no form is known for --out {}", file.display()))
                    .hint("the file's name ends with .html, .svg, .txt, .json or .pcapng");
            }
        })
    }
}

/// The file's bytes.
pub fn file(form: Form, run: &Run, began: SystemTime, title: &str) -> anyhow::Result<Vec<u8>> {
    let journal = &run.journal;
    Ok(match form {
        Form::Html => html::draw(journal, title)?.into_bytes(),
        Form::Svg => svg::draw(journal).into_bytes(),
        Form::Text => {
            let style = Style {
                width: WIDTH,
                color: false,
                ascii: false,
            };
            picture::draw(journal, style).into_bytes()
        }
        Form::Json => (journal.to_json()? + "\n").into_bytes(),
        Form::Pcapng => {
            if !run.captured {
                return Err(anyhow!(
                    "no packets were captured, so there is no pcapng to write"
                ))
                .hint("the picture above says why");
            }
            pcapng::file(&packets(run, began)?)
        }
    })
}

/// The packets, each with the call that it comes from as its comment.
fn packets(run: &Run, began: SystemTime) -> anyhow::Result<Vec<Packet>> {
    let began = began
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    let began = u64::try_from(began.as_nanos()).context("the clock is after 2554")?;
    let mut packets = Vec::new();
    for (place, bytes) in &run.packets {
        let entry = &run.journal.entries[*place];
        if let Event::Segment(segment) = &entry.event {
            packets.push(Packet {
                at: began + entry.at * 1000,
                length: u32::try_from(bytes.len()).context("a packet of 4 GiB")?,
                bytes: bytes.clone(),
                comment: picture::origin(&run.journal, segment),
            });
        }
    }
    Ok(packets)
}
