//! A page that leads to the pages of many submissions.

use std::fmt::Write;

use lab_journal::html::escaped;

use super::grades::Row;
use super::html;

/// A page that leads to the pages of the submissions that have one.
pub fn page(
    exercise: &str,
    rows: &[Row],
    points: Option<u32>,
    has_page: impl Fn(&str) -> bool,
) -> String {
    let mut body = String::new();
    for row in rows {
        let name = escaped(&row.name);
        let link = match has_page(&row.name) {
            true => format!("<a href=\"./{}.html\">{name}</a>", in_address(&row.name)),
            false => name,
        };
        let score = match (row.has_score(), points) {
            (false, _) => String::new(),
            (true, Some(of)) => format!("{:.2} of {of}", row.points(of)),
            (true, None) => format!("{} of {}", row.score, row.max_score),
        };
        let _ = writeln!(
            body,
            "<tr><th scope=\"row\">{link}</th><td>{}</td><td>{score}</td><td>{}</td></tr>",
            row.verdict.word(),
            escaped(&row.remark())
        );
    }
    let title = format!("Grades: {}", escaped(exercise));
    let table = format!(
        "<table>\n<thead><tr><th scope=\"col\">submission</th><th scope=\"col\">verdict</th>\
         <th scope=\"col\">score</th><th scope=\"col\">what is special</th></tr></thead>\n\
         <tbody>\n{body}</tbody>\n</table>\n"
    );
    html::document(&title, &table)
}

/// A file's name as a part of an address: RFC 3986, section 2.3.
fn in_address(name: &str) -> String {
    let mut address = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            address.push(char::from(byte));
        } else {
            let _ = write!(address, "%{byte:02X}");
        }
    }
    address
}
