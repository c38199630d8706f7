//! JSON (RFC 8259). serde_json reads the message's list; its elements stay text until someone asks.

use std::fmt;
use std::ops::Range;

use serde::Deserializer;
use serde::de::{Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Container, Elements, MAX_DEPTH};

pub(super) fn split(bytes: &[u8]) -> Result<Elements, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    check_depth(bytes)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let elements = reader
        .deserialize_seq(ElementsOf { text })
        .and_then(|elements| reader.end().map(|()| elements));
    elements.map_err(|error| error.to_string())
}

/// Where the text of each element is in the whole text.
struct ElementsOf<'a> {
    text: &'a str,
}

impl ElementsOf<'_> {
    fn span(&self, element: &str) -> Range<usize> {
        // Both are the same text in memory: serde_json lends, it does not copy.
        let start = element.as_ptr().addr() - self.text.as_ptr().addr();
        start..start + element.len()
    }
}

impl<'de: 'a, 'a> Visitor<'de> for ElementsOf<'a> {
    type Value = Elements;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Elements, A::Error> {
        let mut elements = Elements::new();
        while let Some(element) = list.next_element::<&'de RawValue>()? {
            let span = self.span(element.get());
            elements.push(span).map_err(A::Error::custom)?;
        }
        Ok(elements)
    }
}

/// Counts the brackets outside of strings. Takes what
/// is not JSON as well: it comes before serde_json.
fn check_depth(bytes: &[u8]) -> Result<(), String> {
    // Hardly a message has so many brackets at all, in strings or outside of them. To count them is
    // a loop without branches.
    let is_opening = |byte: &&u8| matches!(byte, b'[' | b'{');
    if bytes.iter().filter(is_opening).count() <= MAX_DEPTH {
        return Ok(());
    }
    let mut depth = 0_usize;
    let mut bytes = bytes.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(format!("more than {MAX_DEPTH} levels of lists"));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => {
                            bytes.next();
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn first_count(element: &[u8]) -> Option<(Container, u64)> {
    let (container, end) = match element.first()? {
        b'[' => (Container::List, b']'),
        b'{' => (Container::Dict, b'}'),
        _ => return None,
    };
    let next = element[1..].iter().find(|byte| !byte.is_ascii_whitespace());
    Some((container, u64::from(next != Some(&end))))
}

/// The digits of a well-formed number that is nothing but digits, few enough not to overflow.
pub(super) fn plain_number(element: &[u8]) -> Option<u64> {
    const MOST_DIGITS: usize = 18;
    let is_plain = element.len() <= MOST_DIGITS && element.iter().all(u8::is_ascii_digit);
    let add = |number, digit: &u8| number * 10 + u64::from(digit - b'0');
    is_plain.then(|| element.iter().fold(0, add))
}

/// The inside of a well-formed string without escapes.
pub(super) fn plain_text(element: &[u8]) -> Option<&str> {
    let inside = element.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if inside.contains(&b'\\') {
        return None;
    }
    std::str::from_utf8(inside).ok()
}

pub(super) fn number(out: &mut Vec<u8>, number: u64) {
    // 20 digits are the longest u64.
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut left = number;
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(left % 10).unwrap_or(0);
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
