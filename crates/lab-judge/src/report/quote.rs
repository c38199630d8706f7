//! Bytes as a person can read them: every byte visible, nothing silently left out.

use crate::verdict::{Diff, Excerpt};

/// The longest quotation in a line, in characters.
const WIDTH: usize = 72;
/// How much of what is alike is shown before the place where two runs of bytes part.
const BEFORE: usize = 24;
/// How much is shown from there on.
const FROM: usize = 36;

/// Bytes in quotes: text as it is; `\r`, `\n`, `\t` and `\0` by name; other control characters and
/// bytes that are not valid UTF-8 as `\x` and two digits, so that half a character shows as
/// what it is.
pub fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", escaped(bytes))
}

/// A line of text as it was printed, with its quotes
/// and backslashes; what cannot be seen is escaped.
pub fn shown(line: &[u8]) -> String {
    line.split(|byte| *byte == b'\\')
        .map(|part| escaped(part).replace("\\\"", "\""))
        .collect::<Vec<_>>()
        .join("\\")
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\r' => text.push_str("\\r"),
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                '\0' => text.push_str("\\0"),
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                // Marks that change the direction of the text, or cannot be
                // seen, would hide what they stand next to; the last two
                // are not characters at all, and XML has no place for them.
                '\u{061c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
                | '\u{fffe}'
                | '\u{ffff}' => {
                    text.push_str(&character.escape_unicode().to_string());
                }
                character if character.is_control() => {
                    text.push_str(&hexadecimal(character.to_string().as_bytes()));
                }
                character => text.push(character),
            }
        }
        text.push_str(&hexadecimal(chunk.invalid()));
    }
    text
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

/// A run of bytes in a line; of a long one both ends, and how much was left out.
pub fn excerpt(excerpt: &Excerpt) -> String {
    if excerpt.total == excerpt.head.len() && excerpt.head.len() <= WIDTH {
        return quoted(&excerpt.head);
    }
    let end = if excerpt.tail.is_empty() {
        &excerpt.head
    } else {
        &excerpt.tail
    };
    // Not inside a character: half of one is what a program does, not what a quotation does.
    let head = &excerpt.head[..border(&excerpt.head, 32)];
    let tail = &end[border(end, end.len().saturating_sub(16))..];
    let left_out = excerpt.total.saturating_sub(head.len() + tail.len());
    if left_out == 0 {
        return quoted(&excerpt.head);
    }
    format!(
        "{} … {} bytes left out … {}",
        quoted(head),
        thousands(left_out),
        quoted(tail)
    )
}

/// The place at or a little before this one at which no character of UTF-8 is cut.
pub fn border(bytes: &[u8], at: usize) -> usize {
    let at = at.min(bytes.len());
    let goes_on = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    (at.saturating_sub(3)..=at)
        .rev()
        .find(|at| !goes_on(*at))
        // Four bytes that go on begin nowhere: no UTF-8, so nothing that could be cut.
        .unwrap_or(at)
}

/// Two runs of bytes, one under the other, around the
/// place where they part, and a caret under that place.
pub struct Compared {
    /// What was expected.
    pub expected: String,
    /// What came.
    pub received: String,
    /// Blanks and a caret, to stand under both.
    pub caret: String,
    /// Where they part, in words.
    pub place: String,
}

/// Compares what was expected with what came.
pub fn compare(diff: &Diff) -> Compared {
    let at = diff.parting();
    // Not inside a character: what comes before it is shown from its first byte.
    let mut from = at.saturating_sub(BEFORE);
    while from > 0
        && diff
            .expected
            .get(from)
            .is_some_and(|byte| byte & 0xc0 == 0x80)
    {
        from -= 1;
    }
    let show = |bytes: &[u8]| {
        let end = border(bytes, at + FROM);
        let mut line = String::from("\"");
        if from > 0 {
            line.push('…');
        }
        // Each side of the place by itself: then the caret can be counted.
        line.push_str(&escaped(&bytes[from.min(bytes.len())..at.min(bytes.len())]));
        let caret = line.chars().count();
        line.push_str(&escaped(&bytes[at.min(bytes.len())..end]));
        line.push_str(if end < bytes.len() { "…\"" } else { "\"" });
        (line, caret)
    };
    let (expected, caret) = show(&diff.expected);
    let (received, _) = show(&diff.received);
    let place = format!(
        "from byte {} on; {} bytes expected, {} received",
        thousands(at),
        thousands(diff.expected.len()),
        thousands(diff.received.len())
    );
    Compared {
        expected,
        received,
        caret: format!("{}^", " ".repeat(caret)),
        place,
    }
}

/// 1048576 as 1,048,576.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_can_be_seen() {
        assert_eq!(quoted(b"a\r\n\0\"\\\x07"), r#""a\r\n\0\"\\\x07""#);
        assert_eq!(quoted("日é".as_bytes()), "\"日é\"");
        // Half a character, and a mark that would turn the line around.
        assert_eq!(quoted(&"日".as_bytes()[..2]), r#""\xe6\x97""#);
        assert_eq!(quoted("a\u{202e}b".as_bytes()), "\"a\\u{202e}b\"");
        assert_eq!(
            quoted("\u{061c}\u{fffe}\u{ffff}".as_bytes()),
            r#""\u{61c}\u{fffe}\u{ffff}""#
        );
    }

    #[test]
    fn what_is_left_out_is_said() {
        let long = excerpt(&Excerpt::of(&vec![b'x'; 1_000_000]));
        assert!(long.contains("999,952 bytes left out"), "{long}");
    }

    #[test]
    fn a_quotation_cuts_no_character() {
        let long = excerpt(&Excerpt::of("é日".repeat(1000).as_bytes()));
        assert!(!long.contains("\\x"), "{long}");
    }

    #[test]
    fn the_caret_stands_where_they_part() {
        let diff = Diff {
            expected: b"I got \"hello\"".to_vec(),
            received: b"I got \"hel\" x".to_vec(),
        };
        let compared = compare(&diff);
        let column = compared.caret.len() - 1;
        assert_eq!(compared.expected.chars().nth(column), Some('l'));
        assert_eq!(compared.received.chars().nth(column), Some('\\'));
    }

    #[test]
    fn the_caret_is_right_behind_escapes_and_characters_of_several_bytes() {
        let diff = Diff {
            expected: "日\n\"X".as_bytes().to_vec(),
            received: "日\n\"Y".as_bytes().to_vec(),
        };
        let compared = compare(&diff);
        let column = compared.caret.chars().count() - 1;
        assert_eq!(compared.expected.chars().nth(column), Some('X'));
        assert_eq!(compared.received.chars().nth(column), Some('Y'));
    }
}
