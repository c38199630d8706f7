//! CBOR (RFC 8949). Heads and lengths are read here to
//! find the elements; `cbor4ii` reads the elements.

use super::{Container, Elements, MAX_DEPTH, big_endian};

pub(super) fn split(bytes: &[u8]) -> Result<Elements, String> {
    let mut reader = Reader::new(bytes);
    let Head::Items(Container::List, count) = reader.head()? else {
        return Err("a message is a list".to_string());
    };
    let mut elements = Elements::new();
    let mut left = count;
    while left != Some(0) {
        let start = reader.at;
        if left.is_none() && reader.take_break() {
            break;
        }
        reader.skip()?;
        elements.push(start..reader.at)?;
        left = left.map(|left| left - 1);
    }
    if reader.at != bytes.len() {
        return Err("bytes follow after the message's end".to_string());
    }
    Ok(elements)
}

pub(super) fn first_count(element: &[u8]) -> Option<(Container, u64)> {
    let mut reader = Reader::new(element);
    match reader.head() {
        Ok(Head::Items(container, Some(count))) => Some((container, count)),
        Ok(Head::Items(container, None)) => Some((container, u64::from(!reader.take_break()))),
        _ => None,
    }
}

pub(super) fn keys_are_text(element: &[u8]) -> bool {
    let mut reader = Reader::new(element);
    let Ok(Head::Items(Container::Dict, mut left)) = reader.head() else {
        return false;
    };
    loop {
        match &mut left {
            Some(0) => return true,
            Some(pairs) => *pairs -= 1,
            None if reader.take_break() => return true,
            None => {}
        }
        if !matches!(reader.head(), Ok(Head::Text)) || reader.skip().is_err() {
            return false;
        }
    }
}

pub(super) fn number(out: &mut Vec<u8>, number: u64) {
    // The shortest form: up to 23 in the first byte, then 24 to 27 with 1, 2, 4, 8 bytes.
    let bytes = number.to_be_bytes();
    match number {
        0..24 => out.push(bytes[7]),
        24..0x100 => out.extend_from_slice(&[24, bytes[7]]),
        0x100..0x1_0000 => {
            out.push(25);
            out.extend_from_slice(&bytes[6..]);
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(26);
            out.extend_from_slice(&bytes[4..]);
        }
        _ => {
            out.push(27);
            out.extend_from_slice(&bytes);
        }
    }
}

/// What is wrong with a value, for a person.
pub(super) fn describe(error: &cbor4ii::serde::DecodeError<std::convert::Infallible>) -> String {
    use cbor4ii::core::dec::Error as Core;
    use cbor4ii::serde::DecodeError;
    match error {
        DecodeError::Custom(text) => text.to_string(),
        DecodeError::Core(Core::Mismatch { name, .. } | Core::Unsupported { name, .. }) => {
            format!("a value is not what is wanted here ({name})")
        }
        DecodeError::Core(_) => "a value cannot be read".to_string(),
    }
}

/// The byte that ends a list, a dictionary, a text or bytes whose length was not told before.
const BREAK: u8 = 0xff;

/// The first bytes of a value: its major type (the first 3 bits), the 5 bits behind it, and the
/// number that these give or announce.
pub(super) struct First {
    pub(super) major: u8,
    pub(super) short: u8,
    pub(super) argument: u64,
}

/// What the first bytes of a value told; the reader is behind them, or behind the whole value where
/// it holds no others. A count of `None` continues to a [`BREAK`].
enum Head {
    Scalar,
    Text,
    /// One value follows, which is what the tag is about.
    Tag,
    Items(Container, Option<u64>),
}

/// Reads values one after the other.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    pub(super) fn take(&mut self, count: u64) -> Result<&'a [u8], String> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let end = self.at.checked_add(count);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or("the message ends in the middle of a value")?;
        self.at += count;
        Ok(taken)
    }

    pub(super) fn first(&mut self) -> Result<First, String> {
        let first = self.take(1)?[0];
        let (major, short) = (first >> 5, first & 0x1f);
        let argument = match short {
            24..=27 => big_endian(self.take(1 << (short - 24))?),
            28..=30 => return Err(format!("the byte 0x{first:02x} begins no value")),
            _ => short.into(),
        };
        Ok(First {
            major,
            short,
            argument,
        })
    }

    /// Goes behind a [`BREAK`] if one is next.
    fn take_break(&mut self) -> bool {
        let found = self.bytes.get(self.at) == Some(&BREAK);
        self.at += usize::from(found);
        found
    }

    /// The major type and the argument; `None` for an indefinite length.
    fn argument(&mut self) -> Result<(u8, Option<u64>), String> {
        let first = self.first()?;
        Ok((first.major, (first.short != 31).then_some(first.argument)))
    }

    fn text(&mut self, length: u64) -> Result<(), String> {
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// The pieces of a text (`major` 3) or of bytes (2) whose length was not told before.
    fn pieces(&mut self, major: u8) -> Result<(), String> {
        while !self.take_break() {
            match self.argument()? {
                (3, Some(length)) if major == 3 => self.text(length)?,
                (2, Some(length)) if major == 2 => {
                    self.take(length)?;
                }
                _ => return Err("a string has a piece that is none".to_string()),
            }
        }
        Ok(())
    }

    fn head(&mut self) -> Result<Head, String> {
        match self.argument()? {
            (0 | 1, Some(_)) => Ok(Head::Scalar),
            (2, Some(length)) => self.take(length).map(|_| Head::Scalar),
            (2, None) => self.pieces(2).map(|()| Head::Scalar),
            (3, Some(length)) => self.text(length).map(|()| Head::Text),
            (3, None) => self.pieces(3).map(|()| Head::Text),
            (4, count) => Ok(Head::Items(Container::List, count)),
            (5, count) => Ok(Head::Items(Container::Dict, count)),
            (6, Some(_)) => Ok(Head::Tag),
            (7, Some(_)) => Ok(Head::Scalar),
            (7, None) => Err("a break where nothing is open".to_string()),
            _ => Err("a value without its length".to_string()),
        }
    }

    /// Goes behind the next value. Without recursion: what is open is in a list of bounded length.
    fn skip(&mut self) -> Result<(), String> {
        // The message's own list is one level, so here are at most one fewer.
        let mut open = [Level::default(); MAX_DEPTH - 1];
        let mut depth = 0;
        loop {
            let level = match self.head()? {
                Head::Scalar | Head::Text => None,
                Head::Tag => Some(Level::counted(1)),
                Head::Items(Container::List, Some(count)) => Some(Level::counted(count)),
                Head::Items(Container::List, None) => Some(Level::open_ended(1)),
                Head::Items(Container::Dict, Some(pairs)) => {
                    let values = pairs.checked_mul(2).ok_or("a dictionary beyond all size")?;
                    Some(Level::counted(values))
                }
                Head::Items(Container::Dict, None) => Some(Level::open_ended(2)),
            };
            match level {
                Some(level) => {
                    let place = open
                        .get_mut(depth)
                        .ok_or_else(|| format!("more than {MAX_DEPTH} levels of lists"))?;
                    *place = level;
                    depth += 1;
                }
                None if depth > 0 => open[depth - 1].one_value(),
                None => {}
            }
            while depth > 0 && self.is_over(open[depth - 1])? {
                depth -= 1;
                if depth > 0 {
                    open[depth - 1].one_value();
                }
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn is_over(&mut self, level: Level) -> Result<bool, String> {
        match level.left {
            Some(left) => Ok(left == 0),
            None if !self.take_break() => Ok(false),
            None if level.seen.is_multiple_of(level.group) => Ok(true),
            None => Err("a dictionary ends after a key".to_string()),
        }
    }
}

/// A list, dictionary or tag that is being read.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Values that are still to come, where that was told.
    left: Option<u64>,
    /// Values that have come, where it was not.
    seen: u64,
    /// In a dictionary two values make an entry.
    group: u64,
}

impl Level {
    fn counted(values: u64) -> Self {
        Level {
            left: Some(values),
            ..Level::default()
        }
    }

    fn open_ended(group: u64) -> Self {
        Level {
            left: None,
            seen: 0,
            group,
        }
    }

    fn one_value(&mut self) {
        match &mut self.left {
            Some(left) => *left -= 1,
            None => self.seen += 1,
        }
    }
}
