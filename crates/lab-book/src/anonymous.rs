//! What a run tells of the machine and the day of its recording, taken out: paths, dates, the
//! machine's name. What is put in its place has the same length where bytes are counted.

use std::path::Path;

use lab_journal::model::{Event, Journal};

/// What stands for a date of HTTP, and for one in the log of Python's web server.
const DATES: [(&str, &str); 2] = [
    (
        "Day, DD Mon YYYY hh:mm:ss GMT",
        "Aaa, 00 Aaa 0000 00:00:00 GMT",
    ),
    ("[DD/Mon/YYYY hh:mm:ss]", "[00/Aaa/0000 00:00:00]"),
];

/// Takes out what is not the run's own. `root` is the workspace's folder.
pub fn anonymous(journal: &mut Journal, root: &Path) {
    let root = format!("{}/", root.display());
    for note in &mut journal.notes {
        *note = cleaned(note, &root);
    }
    for entry in &mut journal.entries {
        match &mut entry.event {
            Event::Output(output) => output.text = cleaned(&output.text, &root),
            Event::Call(call) => {
                if let Some(data) = &mut call.data {
                    mask(&mut data.bytes);
                }
            }
            Event::Segment(segment) => mask(&mut segment.bytes),
            Event::Exit(_) => {}
        }
    }
}

/// Whether a text shows a date that was taken out.
pub fn has_masked_date(text: &str) -> bool {
    DATES.iter().any(|(word, _)| text.contains(word))
}

/// A text without the paths of this machine, and without dates.
fn cleaned(text: &str, root: &str) -> String {
    let mut bytes = text.replace(root, "").into_bytes();
    mask(&mut bytes);
    // Only ASCII was put in the place of ASCII.
    let text = String::from_utf8_lossy(&bytes);
    // Python shows where its own library is.
    let mut out = String::new();
    let mut rest = &*text;
    while let Some((before, after)) = rest.split_once("File \"/") {
        let Some((path, after)) = after.split_once('"') else {
            break;
        };
        let name = path.rsplit_once("/python3").map_or(path, |(_, name)| {
            name.split_once('/').map_or(name, |(_, name)| name)
        });
        out.push_str(before);
        out.push_str("File \"");
        out.push_str(name);
        out.push('"');
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Puts a word in the place of each date, of the same length.
fn mask(bytes: &mut [u8]) {
    for (word, shape) in DATES {
        let mut at = 0;
        while at + shape.len() <= bytes.len() {
            let here = &mut bytes[at..at + shape.len()];
            if has_shape(here, shape.as_bytes()) {
                here.copy_from_slice(word.as_bytes());
            }
            at += 1;
        }
    }
}

/// Whether each byte is like that of the shape: `0` is a digit, `A` and `a` are letters.
fn has_shape(bytes: &[u8], shape: &[u8]) -> bool {
    bytes.iter().zip(shape).all(|(byte, wanted)| match wanted {
        b'0' => byte.is_ascii_digit(),
        b'A' => byte.is_ascii_uppercase(),
        b'a' => byte.is_ascii_lowercase(),
        other => byte == other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_dates_of_the_machine_are_taken_out_and_lengths_stay() {
        let text = "  File \"/usr/lib/python3.11/threading.py\", line 9\n\
                    Traceback: /home/me/labs/crates/a.py [28/Nov/2026 09:05:04] \"GET /\"";
        assert_eq!(
            cleaned(text, "/home/me/labs/"),
            "  File \"threading.py\", line 9\n\
             Traceback: crates/a.py [DD/Mon/YYYY hh:mm:ss] \"GET /\""
        );
        let mut bytes = b"\xffDate: Sat, 28 Nov 2026 09:05:04 GMT\r\n".to_vec();
        let length = bytes.len();
        mask(&mut bytes);
        assert_eq!(bytes, b"\xffDate: Day, DD Mon YYYY hh:mm:ss GMT\r\n");
        assert_eq!(bytes.len(), length);
        assert_eq!(cleaned("[1/2] a, 03 b", "/x/"), "[1/2] a, 03 b");
    }
}
