//! The run on the terminal, and as a file in the form that the file's ending names.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs};

use anyhow::{Context, anyhow};
use lab_journal::layout::Style;
use lab_journal::pcapng::{self, Packet};
use lab_journal::{Event, Journal, html, picture, svg};
use labnet::Hint;

/// A picture in a file has so many columns.
const WIDTH: usize = 100;
/// A terminal that does not say how wide it is has so many columns.
const TERMINAL: usize = 80;

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

/// The files to write and their forms: a wrong ending is told before anything runs.
pub fn files<'a>(
    out: &'a [PathBuf],
    json: Option<&'a Path>,
) -> anyhow::Result<Vec<(Form, &'a Path)>> {
    let mut files = Vec::new();
    for file in out {
        files.push((Form::of(file)?, file.as_path()));
    }
    files.extend(json.map(|file| (Form::Json, file)));
    Ok(files)
}

/// Writes the files.
pub fn write(
    files: &[(Form, &Path)],
    run: &Run,
    began: SystemTime,
    title: &str,
) -> anyhow::Result<()> {
    for (form, file) in files {
        let bytes = of_form(*form, run, began, title)?;
        fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// The file's bytes.
fn of_form(form: Form, run: &Run, began: SystemTime, title: &str) -> anyhow::Result<Vec<u8>> {
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

/// How a picture is drawn on this terminal.
pub fn style(width: Option<usize>) -> Style {
    Style {
        width: width.or_else(terminal_width).unwrap_or(TERMINAL),
        color: io::stdout().is_terminal()
            && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        ascii: !speaks_utf8(),
    }
}

#[cfg(not(unix))]
fn terminal_width() -> Option<usize> {
    None
}

#[cfg(unix)]
fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Whether the locale is one of UTF-8: locale(7).
fn speaks_utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(env::var_os)
        .find(|value| !value.is_empty());
    let name = locale.unwrap_or_default().to_string_lossy().to_lowercase();
    name.contains("utf-8") || name.contains("utf8")
}
