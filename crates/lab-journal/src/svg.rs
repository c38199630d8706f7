//! The picture as SVG: one file that a slide or a page can hold, light and dark.

use std::fmt::Write;

use crate::layout::{Arrow, Column, Line, Row, Widths, lines, wrapped};
use crate::model::Journal;
use crate::picture;

/// The picture is laid out as for a terminal of so many columns.
const COLUMNS: usize = 110;
/// The width of a letter and the height of a line, in pixels.
const LETTER: usize = 8;
const LINE: usize = 20;
/// The distance from the edge, and from one column to the next.
const MARGIN: usize = 16;
/// The width of the column of times.
const TIMES: usize = 7 * LETTER;

const STYLE: &str = "\
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#1f2328;white-space:pre}\
.b{fill:#fff}.t,.x{fill:#59636e}.s{fill:#0550ae}.c{fill:#116329}\
.h{font-weight:bold}.n{text-anchor:middle;fill:#7d4e00}\
.a{stroke:#7d4e00;stroke-width:1.5}.p{fill:#7d4e00}\
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.b{fill:#0d1117}.t,.x{fill:#9198a1}\
.s{fill:#79c0ff}.c{fill:#7ee787}.n{fill:#e3b341}.a{stroke:#e3b341}.p{fill:#e3b341}}";

/// The run as a document of SVG.
#[must_use]
pub fn draw(journal: &Journal) -> String {
    let widths = Widths::of(COLUMNS);
    let place = Places::of(&widths);
    let mut body = String::new();
    let mut top = MARGIN;
    let (above, below) = journal.notes_around();
    for note in above {
        top = draw_across(&mut body, &place, note, "Note: ", top);
    }
    top += LINE;
    for column in Column::ALL {
        let class = format!("h {}", class_of(column));
        let left = match column {
            Column::Network => place.middle(),
            _ => place.left(column),
        };
        text(&mut body, &class, left, top, column.name());
    }
    for line in lines(picture::rows(journal, &widths), &widths) {
        match line {
            Line::Row(row, time) => {
                if !time.is_empty() {
                    text(&mut body, "t", MARGIN, top + LINE, &time);
                }
                top = draw_row(&mut body, &place, &widths, &row, top);
            }
            Line::Across(words) => top = draw_across(&mut body, &place, &words, "⋮ ", top),
        }
    }
    for note in below {
        top = draw_across(&mut body, &place, note, "Note: ", top);
    }
    let (width, height) = (place.right + MARGIN, top + MARGIN);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">Server, network and client, call by call and segment by segment\
         </title>\n<style>{STYLE}</style>\n\
         <rect class=\"b\" width=\"{width}\" height=\"{height}\"/>\n{body}</svg>\n"
    )
}

/// Where the columns are, in pixels.
struct Places {
    server: usize,
    network: (usize, usize),
    client: usize,
    right: usize,
}

impl Places {
    fn of(widths: &Widths) -> Self {
        let server = MARGIN + TIMES + MARGIN;
        let begin = server + widths.side * LETTER + MARGIN;
        let end = begin + widths.network * LETTER;
        let client = end + MARGIN;
        Places {
            server,
            network: (begin, end),
            client,
            right: client + widths.side * LETTER,
        }
    }

    fn left(&self, column: Column) -> usize {
        match column {
            Column::Server => self.server,
            Column::Network => self.network.0,
            Column::Client => self.client,
        }
    }

    fn middle(&self) -> usize {
        usize::midpoint(self.network.0, self.network.1)
    }
}

/// Draws a row below `top`, and gives where it ends.
fn draw_row(out: &mut String, place: &Places, widths: &Widths, row: &Row, top: usize) -> usize {
    let Some(arrow) = row.arrow else {
        let mut bottom = top;
        for part in wrapped(&row.text, widths.side) {
            bottom += LINE;
            let class = class_of(row.column);
            text(out, class, place.left(row.column), bottom, &part);
        }
        return bottom;
    };
    let bottom = top + LINE;
    let (begin, end) = place.network;
    let y = bottom - 4;
    // The line leaves room for its text.
    let half = (row.text.chars().count() * LETTER / 2 + LETTER / 2).min((end - begin) / 2);
    for (from, to) in [(begin, place.middle() - half), (place.middle() + half, end)] {
        let _ = write!(
            out,
            "<line class=\"a\" x1=\"{from}\" y1=\"{y}\" x2=\"{to}\" y2=\"{y}\"/>"
        );
    }
    // The arrow's head.
    let (tip, back) = match arrow {
        Arrow::ToServer => (begin, begin + 9),
        Arrow::ToClient => (end, end - 9),
    };
    let (above, below) = (y - 4, y + 4);
    let _ = write!(
        out,
        "<path class=\"p\" d=\"M{tip} {y}L{back} {above}L{back} {below}z\"/>"
    );
    text(out, "n", place.middle(), bottom, &row.text);
    bottom
}

/// Draws text over all columns, and gives where it ends.
fn draw_across(out: &mut String, place: &Places, words: &str, lead: &str, top: usize) -> usize {
    let mut bottom = top;
    for part in wrapped(
        &format!("{lead}{words}"),
        (place.right - place.server) / LETTER,
    ) {
        bottom += LINE;
        text(out, "x", place.server, bottom, &part);
    }
    bottom
}

fn class_of(column: Column) -> &'static str {
    match column {
        Column::Server => "s",
        Column::Network => "n",
        Column::Client => "c",
    }
}

fn text(out: &mut String, class: &str, x: usize, y: usize, words: &str) {
    let words = escaped(words);
    let _ = writeln!(
        out,
        "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{words}</text>"
    );
}

/// Text as XML and HTML want it. What neither may hold becomes a question mark.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            letter if letter.is_control() => out.push('?'),
            letter => out.push(letter),
        }
    }
    out
}
