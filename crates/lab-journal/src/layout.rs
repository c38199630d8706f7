//! Rows as lines of a terminal: columns, colors, ASCII, long texts broken.
//!
//! Lines that repeat are folded, and the picture says how many they were.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::model::Side;

/// The time's column: seven digits and marks, and a blank.
const TIME: usize = 8;
/// From 100 s on there is no room for tenths of a millisecond.
const LATE: u64 = 1_000_000;
/// A narrower picture than this has no room for a call.
pub(crate) const NARROWEST: usize = 50;
/// A group of lines is folded if it comes more often than this.
const REPEATS: usize = 3;
/// A picture with more lines is shortened.
const LONGEST: usize = 400;
/// So many of its first lines are kept, and so many of its last.
const KEPT_BEGIN: usize = 200;
const KEPT_END: usize = 60;
/// A group has at most so many lines.
const LONGEST_GROUP: usize = 16;

/// How a picture is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// How many columns the terminal has.
    pub width: usize,
    /// Whether to color the sides.
    pub color: bool,
    /// Whether arrows and dots are drawn in ASCII.
    pub ascii: bool,
}

/// Where a line's text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    Server,
    Network,
    Client,
}

impl Column {
    pub(crate) const ALL: [Column; 3] = [Column::Server, Column::Network, Column::Client];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Column::Server => Side::Server.name(),
            Column::Network => "network",
            Column::Client => Side::Client.name(),
        }
    }
}

/// Where an arrow in the network's column points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrow {
    ToServer,
    ToClient,
}

/// A line of the picture.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) at: u64,
    pub(crate) column: Column,
    /// What happened; in the network's column what the arrow carries.
    pub(crate) text: String,
    /// Only in the network's column.
    pub(crate) arrow: Option<Arrow>,
    /// The entry that it shows, by its place in the journal.
    pub(crate) place: usize,
    /// Several of these fit on one line: `socket bind :65432 listen`.
    pub(crate) joins: Option<u32>,
}

/// What is drawn, from the top down.
#[derive(Debug, Clone)]
pub(crate) enum Line {
    /// A row, and its time in milliseconds: empty where the row above has the same.
    Row(Row, String),
    /// Text over all columns: what is folded or left out.
    Across(String),
}

/// The rows, in their order, with what repeats folded and a long picture's middle left out.
pub(crate) fn lines(rows: Vec<Row>, widths: &Widths) -> Vec<Line> {
    let rows = joined(rows, widths);
    let mut last = String::new();
    let line = |shown: Shown<'_>| match shown {
        Shown::Row(row) => {
            let time = next_time(&mut last, row.at);
            Line::Row(row.clone(), time)
        }
        Shown::Repeats { lines, times } => {
            let what = match lines {
                1 => "this line".to_string(),
                lines => format!("these {lines} lines"),
            };
            Line::Across(format!("{what}, {times} times more"))
        }
        Shown::LeftOut(text) => Line::Across(text),
    };
    shortened(folded(&rows)).into_iter().map(line).collect()
}

/// Milliseconds for people: tenths, as long as there is room for them.
fn milliseconds(at: u64) -> String {
    let tenths = at / 100;
    if tenths >= LATE {
        (tenths / 10).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

/// The rows, in their order, as lines of text under the names of the columns.
pub(crate) fn lay_out(rows: Vec<Row>, style: Style) -> String {
    let printer = Printer::new(style);
    let mut out = printer.head();
    for shown in lines(rows, &printer.widths) {
        match shown {
            Line::Row(row, time) => out += &printer.timed(&row, &time),
            Line::Across(text) => across(&mut out, style, &format!("⋮ {text}")),
        }
    }
    out
}

/// Draws rows as lines of text.
#[derive(Debug)]
pub(crate) struct Printer {
    style: Style,
    widths: Widths,
    /// The time of the last row.
    last: String,
}

impl Printer {
    pub(crate) fn new(style: Style) -> Self {
        let width = style.width.max(NARROWEST);
        Printer {
            style: Style { width, ..style },
            widths: Widths::of(width),
            last: String::new(),
        }
    }

    pub(crate) fn widths(&self) -> &Widths {
        &self.widths
    }

    /// The names of the columns.
    pub(crate) fn head(&self) -> String {
        let mut out = String::new();
        self.line(&mut out, "ms", Column::ALL.map(Column::name));
        out
    }

    /// A row that comes after the last one.
    pub(crate) fn row(&mut self, row: &Row) -> String {
        let time = next_time(&mut self.last, row.at);
        self.timed(row, &time)
    }

    fn timed(&self, row: &Row, time: &str) -> String {
        let text = match row.arrow {
            Some(arrow) => drawn(arrow, &row.text, self.widths.network),
            None => row.text.clone(),
        };
        let mut out = String::new();
        for (number, part) in wrapped(&text, self.widths.column(row.column))
            .iter()
            .enumerate()
        {
            let mut cells = [""; 3];
            cells[row.column as usize] = part;
            let time = if number == 0 { time } else { "" };
            self.line(&mut out, time, cells);
        }
        out
    }

    fn line(&self, out: &mut String, time: &str, cells: [&str; 3]) {
        let Printer { style, widths, .. } = self;
        let mut text = format!("{time:>width$} ", width = TIME - 1);
        let sizes = [widths.side, widths.network, widths.side];
        for (cell, ((text_of, size), color)) in
            cells.iter().zip(sizes).zip(["36", "33", "32"]).enumerate()
        {
            let padded = format!("{text_of:<size$}");
            if style.color && !text_of.is_empty() {
                let _ = write!(text, "\x1b[{color}m{padded}\x1b[0m");
            } else {
                text.push_str(&padded);
            }
            if cell < 2 {
                text.push(' ');
            }
        }
        out.push_str(&in_charset(text.trim_end(), style.ascii));
        out.push('\n');
    }
}

/// A row's time in milliseconds: empty where the row above has the same.
fn next_time(last: &mut String, at: u64) -> String {
    let mut time = milliseconds(at);
    if time == *last {
        time.clear();
    } else {
        last.clone_from(&time);
    }
    time
}

/// An arrow over the network's column, with its text in the middle.
fn drawn(arrow: Arrow, text: &str, width: usize) -> String {
    // Two blanks and the arrow's head are not line.
    let lines = width.saturating_sub(text.chars().count() + 3);
    let (left, right) = ("─".repeat(lines / 2), "─".repeat(lines - lines / 2));
    match arrow {
        Arrow::ToServer => format!("◀{left} {text} {right}"),
        Arrow::ToClient => format!("{left} {text} {right}▶"),
    }
}

/// Text over all columns, next to the times.
fn across(out: &mut String, style: Style, text: &str) {
    for part in wrapped(text, style.width.max(NARROWEST) - TIME) {
        let text = format!("{}{part}", " ".repeat(TIME));
        out.push_str(&in_charset(&text, style.ascii));
        out.push('\n');
    }
}

/// A long picture's middle is left out, and what it held is counted: where programs run side by
/// side, the order changes from round to round, so that no group of lines repeats exactly.
fn shortened(mut shown: Vec<Shown<'_>>) -> Vec<Shown<'_>> {
    if shown.len() <= LONGEST {
        return shown;
    }
    let end = shown.split_off(shown.len() - KEPT_END);
    let middle = shown.split_off(KEPT_BEGIN);
    let mut counts: BTreeMap<(Column, String), usize> = BTreeMap::new();
    let mut count = |row: &Row, times: usize| {
        if let Some(word) = row.kind() {
            *counts.entry((row.column, word)).or_default() += times;
        }
    };
    let mut rows: Vec<&Row> = Vec::new();
    for one in &middle {
        match one {
            Shown::Row(row) => {
                count(row, 1);
                rows.push(row);
            }
            Shown::Repeats { lines, times } => {
                // The group is before it; one at the edge may have lines in the part that is
                // kept.
                for row in rows.iter().rev().take(*lines) {
                    count(row, *times);
                }
            }
            Shown::LeftOut(_) => {}
        }
    }
    let mut text = "what is left out here".to_string();
    let mut last = None;
    for ((column, word), times) in counts {
        let name = column.name();
        let lead = if last == Some(column) {
            ", ".to_string()
        } else {
            format!("; {name}: ")
        };
        last = Some(column);
        let _ = write!(text, "{lead}{times} {word}");
    }
    shown.push(Shown::LeftOut(text));
    shown.extend(end);
    shown
}

impl Row {
    /// What it shows, in a word. `None` for the begin of a call whose end is another line.
    fn kind(&self) -> Option<String> {
        if self.text.ends_with('…') || self.text.ends_with("waits") {
            return None;
        }
        if self.column == Column::Network {
            return Some("segments".to_string());
        }
        let mut words = self
            .text
            .split([' ', '('])
            .filter(|word| !word.starts_with('#'));
        words.next().map(str::to_string)
    }
}

/// How wide the columns are.
#[derive(Debug)]
pub(crate) struct Widths {
    pub(crate) side: usize,
    pub(crate) network: usize,
}

impl Widths {
    pub(crate) fn of(width: usize) -> Self {
        let room = width - TIME - 2;
        let network = (room / 3).min(28);
        Widths {
            side: (room - network) / 2,
            network,
        }
    }

    fn column(&self, column: Column) -> usize {
        match column {
            Column::Network => self.network,
            Column::Server | Column::Client => self.side,
        }
    }
}

/// The text, or what stands for it in ASCII: each character becomes one.
pub(crate) fn in_charset(text: &str, ascii: bool) -> String {
    if !ascii {
        return text.to_string();
    }
    text.chars()
        .map(|letter| match letter {
            '◀' => '<',
            '▶' => '>',
            '─' => '-',
            '…' => '~',
            '⋮' => ':',
            letter if letter.is_ascii() => letter,
            _ => '?',
        })
        .collect()
}

/// Lines of at most this many characters, broken at blanks where that is possible.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        if !line.is_empty() && line.chars().count() + 1 + word.len() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        while word.len() > width {
            let rest = word.split_off(width);
            lines.push(word.into_iter().collect());
            word = rest;
        }
        line.extend(word);
    }
    lines.push(line);
    lines
}

/// Calls that only prepare a socket stand on one line, as long as there is room.
fn joined(rows: Vec<Row>, widths: &Widths) -> Vec<Row> {
    let mut out: Vec<Row> = Vec::new();
    for row in rows {
        if let Some(last) = out.last_mut()
            && row.joins.is_some()
            && last.joins == row.joins
            && last.text.chars().count() + 1 + row.text.chars().count() <= widths.side
        {
            let _ = write!(last.text, " {}", row.text);
        } else {
            out.push(row);
        }
    }
    out
}

/// What is drawn of the rows.
enum Shown<'a> {
    Row(&'a Row),
    Repeats { lines: usize, times: usize },
    LeftOut(String),
}

/// The rows, each group that repeats drawn once.
fn folded(rows: &[Row]) -> Vec<Shown<'_>> {
    // Rows are alike when only numbers and quoted bytes differ. What a program says is read whole.
    let shapes: Vec<(Column, Option<Arrow>, String)> = rows
        .iter()
        .map(|row| {
            if row.text.contains("prints \"") || row.text.contains("stderr: \"") {
                return (row.column, None, row.text.clone());
            }
            let outside = row.text.split('"').step_by(2);
            let shape = outside
                .flat_map(str::chars)
                .filter(|letter| !letter.is_ascii_digit() && *letter != ' ');
            (row.column, row.arrow, shape.collect())
        })
        .collect();
    let mut shown = Vec::new();
    let mut at = 0;
    while at < rows.len() {
        let best = (1..=LONGEST_GROUP)
            .map(|lines| (lines, repeats(&shapes[at..], lines)))
            .find(|(_, times)| *times > REPEATS);
        let (lines, times) = best.unwrap_or((1, 1));
        shown.extend(rows[at..at + lines].iter().map(Shown::Row));
        if times > 1 {
            shown.push(Shown::Repeats {
                lines,
                times: times - 1,
            });
        }
        at += lines * times;
    }
    shown
}

/// How often the first group of so many comes, one after the other.
fn repeats<T: PartialEq>(all: &[T], group: usize) -> usize {
    let Some(rest) = all.get(group..) else {
        return 1;
    };
    let same = rest.iter().zip(all).take_while(|(one, other)| one == other);
    1 + same.count() / group
}
