//! MessagePack. Heads and lengths are read here to
//! find the elements; `rmp_serde` reads the elements.

use rmp::Marker;

use super::{Container, Elements, MAX_DEPTH};

pub(super) fn split(bytes: &[u8]) -> Result<Elements, String> {
    let mut reader = Reader { bytes, at: 0 };
    let Head::Items(Container::List, count) = reader.head()? else {
        return Err("a message is a list".to_string());
    };
    let mut elements = Elements::new();
    for _ in 0..count {
        let start = reader.at;
        reader.skip()?;
        elements.push(start..reader.at)?;
    }
    if reader.at != bytes.len() {
        return Err("bytes follow after the message's end".to_string());
    }
    Ok(elements)
}

pub(super) fn first_count(element: &[u8]) -> Option<(Container, u64)> {
    let mut reader = Reader {
        bytes: element,
        at: 0,
    };
    match reader.head() {
        Ok(Head::Items(container, count)) => Some((container, count.into())),
        _ => None,
    }
}

pub(super) fn keys_are_text(element: &[u8]) -> bool {
    let mut reader = Reader {
        bytes: element,
        at: 0,
    };
    let Ok(Head::Items(Container::Dict, pairs)) = reader.head() else {
        return false;
    };
    (0..pairs).all(|_| matches!(reader.head(), Ok(Head::Text)) && reader.skip().is_ok())
}

pub(super) fn number(out: &mut Vec<u8>, number: u64) {
    // The shortest form, as the format asks: one byte
    // below 128, then 0xcc to 0xcf with 1, 2, 4, 8 bytes.
    let bytes = number.to_be_bytes();
    match number {
        0..0x80 => out.push(bytes[7]),
        0x80..0x100 => out.extend_from_slice(&[0xcc, bytes[7]]),
        0x100..0x1_0000 => {
            out.push(0xcd);
            out.extend_from_slice(&bytes[6..]);
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(0xce);
            out.extend_from_slice(&bytes[4..]);
        }
        _ => {
            out.push(0xcf);
            out.extend_from_slice(&bytes);
        }
    }
}

/// What the first bytes of a value told; the reader is behind
/// them, or behind the whole value where it holds no others.
enum Head {
    Scalar,
    Text,
    Items(Container, u32),
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Result<&[u8], String> {
        let end = self.at.checked_add(count);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or("the message ends in the middle of a value")?;
        self.at += count;
        Ok(taken)
    }

    /// A length of 1, 2 or 4 bytes.
    fn length(&mut self, width: usize) -> Result<u32, String> {
        let bytes = self.take(width)?;
        Ok(bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }

    fn text(&mut self, length: u32) -> Result<Head, String> {
        let bytes = self.take(as_usize(length))?;
        std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        Ok(Head::Text)
    }

    fn scalar(&mut self, length: usize) -> Result<Head, String> {
        self.take(length).map(|_| Head::Scalar)
    }

    fn head(&mut self) -> Result<Head, String> {
        let marker = Marker::from_u8(self.take(1)?[0]);
        match marker {
            Marker::FixPos(_) | Marker::FixNeg(_) => Ok(Head::Scalar),
            Marker::Null | Marker::True | Marker::False => Ok(Head::Scalar),
            Marker::U8 | Marker::I8 => self.scalar(1),
            Marker::U16 | Marker::I16 => self.scalar(2),
            Marker::U32 | Marker::I32 | Marker::F32 => self.scalar(4),
            Marker::U64 | Marker::I64 | Marker::F64 => self.scalar(8),
            Marker::FixStr(length) => self.text(length.into()),
            Marker::Str8 => self.length(1).and_then(|length| self.text(length)),
            Marker::Str16 => self.length(2).and_then(|length| self.text(length)),
            Marker::Str32 => self.length(4).and_then(|length| self.text(length)),
            Marker::Bin8 => self
                .length(1)
                .and_then(|length| self.scalar(as_usize(length))),
            Marker::Bin16 => self
                .length(2)
                .and_then(|length| self.scalar(as_usize(length))),
            Marker::Bin32 => self
                .length(4)
                .and_then(|length| self.scalar(as_usize(length))),
            // An extension's type is one byte before its data.
            Marker::FixExt1 => self.scalar(1 + 1),
            Marker::FixExt2 => self.scalar(1 + 2),
            Marker::FixExt4 => self.scalar(1 + 4),
            Marker::FixExt8 => self.scalar(1 + 8),
            Marker::FixExt16 => self.scalar(1 + 16),
            Marker::Ext8 => self
                .length(1)
                .and_then(|length| self.scalar(1 + as_usize(length))),
            Marker::Ext16 => self
                .length(2)
                .and_then(|length| self.scalar(1 + as_usize(length))),
            Marker::Ext32 => {
                let length = as_usize(self.length(4)?);
                self.scalar(length.saturating_add(1))
            }
            Marker::FixArray(count) => Ok(Head::Items(Container::List, count.into())),
            Marker::Array16 => Ok(Head::Items(Container::List, self.length(2)?)),
            Marker::Array32 => Ok(Head::Items(Container::List, self.length(4)?)),
            Marker::FixMap(count) => Ok(Head::Items(Container::Dict, count.into())),
            Marker::Map16 => Ok(Head::Items(Container::Dict, self.length(2)?)),
            Marker::Map32 => Ok(Head::Items(Container::Dict, self.length(4)?)),
            Marker::Reserved => Err("the byte 0xc1 is never used".to_string()),
        }
    }

    /// Goes behind the next value. Without recursion: what is open is in a list of bounded length.
    fn skip(&mut self) -> Result<(), String> {
        // The message's own list is one level, so here are
        // at most one fewer. Values left on each level.
        let mut open = [0_u64; MAX_DEPTH - 1];
        let mut depth = 0;
        loop {
            if let Head::Items(container, count) = self.head()? {
                let values = match container {
                    Container::List => u64::from(count),
                    Container::Dict => 2 * u64::from(count),
                };
                let level = open
                    .get_mut(depth)
                    .ok_or_else(|| format!("more than {MAX_DEPTH} levels of lists"))?;
                *level = values;
                depth += 1;
            } else if depth > 0 {
                open[depth - 1] -= 1;
            }
            while depth > 0 && open[depth - 1] == 0 {
                depth -= 1;
                if depth > 0 {
                    open[depth - 1] -= 1;
                }
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }
}

fn as_usize(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
