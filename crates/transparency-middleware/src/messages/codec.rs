//! The three serializations. Each finds where a message's elements begin and end, and reads and
//! writes one element; what an element means is not known here.

mod cbor;
mod json;
mod msgpack;
mod plain;

use std::ops::Range;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::PayloadError;
use super::format::Format;
use super::value::{Dict, Value};

/// The most elements that a message has: CALL and others
/// with options, a URI and two kinds of arguments.
pub(super) const MAX_ELEMENTS: usize = 7;

/// How deep lists and dictionaries may stand in each other, the message's own list counted. Anyone
/// who reads deeper ones recurses deeper, and a thread's stack ends; serde_json's own limit is 128.
pub const MAX_DEPTH: usize = 100;

/// Where the elements of a message stand in its bytes.
#[derive(Debug)]
pub(super) struct Elements {
    spans: [Range<usize>; MAX_ELEMENTS],
    count: usize,
}

impl Elements {
    fn new() -> Self {
        Elements {
            spans: [const { 0..0 }; MAX_ELEMENTS],
            count: 0,
        }
    }

    fn push(&mut self, span: Range<usize>) -> Result<(), String> {
        let place = self
            .spans
            .get_mut(self.count)
            .ok_or("no message has so many elements")?;
        *place = span;
        self.count += 1;
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn get(&self, index: usize) -> Option<Range<usize>> {
        self.spans[..self.count].get(index).cloned()
    }
}

/// Finds a message's elements, and checks on the way
/// that every byte belongs to a well-formed value.
pub(super) fn split(format: Format, bytes: &[u8]) -> Result<Elements, String> {
    match format {
        Format::Json => json::split(bytes),
        Format::MessagePack => msgpack::split(bytes),
        Format::Cbor => cbor::split(bytes),
    }
}

/// What a well-formed element is, as far as its first byte tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    List,
    Dict,
}

/// Whether an element is a list or a dictionary, and how many items or pairs it has (in JSON, where
/// only its end tells: 0 or 1 for "some").
pub(super) fn first_count(format: Format, element: &[u8]) -> Option<(Container, u64)> {
    match format {
        Format::Json => json::first_count(element),
        Format::MessagePack => msgpack::first_count(element),
        Format::Cbor => cbor::first_count(element),
    }
}

/// Whether the keys of a well-formed dictionary are text. In JSON they always are.
pub(super) fn keys_are_text(format: Format, element: &[u8]) -> bool {
    match format {
        Format::Json => true,
        Format::MessagePack => msgpack::keys_are_text(element),
        Format::Cbor => cbor::keys_are_text(element),
    }
}

/// A well-formed element that is a whole number without any frills; others are read with [`read`].
pub(super) fn plain_number(format: Format, element: &[u8]) -> Option<u64> {
    match format {
        Format::Json => json::plain_number(element),
        Format::MessagePack | Format::Cbor => None,
    }
}

/// A well-formed element that is a text which is in it as it is; others are read with [`read`].
pub(super) fn plain_text(format: Format, element: &[u8]) -> Option<&str> {
    match format {
        Format::Json => json::plain_text(element),
        Format::MessagePack | Format::Cbor => None,
    }
}

/// Reads one element.
pub(super) fn read<T: DeserializeOwned>(format: Format, element: &[u8]) -> Result<T, PayloadError> {
    match format {
        Format::Json => serde_json::from_slice(element).map_err(PayloadError::new),
        Format::MessagePack => {
            let plain = plain::msgpack(element).map_err(PayloadError::new)?;
            rmp_serde::from_slice(&plain).map_err(PayloadError::new)
        }
        Format::Cbor => {
            let plain = plain::cbor(element).map_err(PayloadError::new)?;
            cbor4ii::serde::from_slice(&plain)
                .map_err(|error| PayloadError::new(cbor::describe(&error)))
        }
    }
}

/// Reads one element to be written again in another
/// serialization: what would change on the way is an error.
pub(super) fn read_exactly(format: Format, element: &[u8]) -> Result<Value, PayloadError> {
    if format == Format::Json {
        plain::json(element).map_err(PayloadError::new)?;
    }
    read(format, element)
}

/// Writes one element: structs as dictionaries, tuples as lists.
pub(super) fn write<T: Serialize + ?Sized>(
    format: Format,
    value: &T,
) -> Result<Vec<u8>, PayloadError> {
    let mut out = Vec::new();
    write_to(format, value, &mut out)?;
    Ok(out)
}

fn write_to<T: Serialize + ?Sized>(
    format: Format,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), PayloadError> {
    match format {
        Format::Json => serde_json::to_writer(out, value).map_err(PayloadError::new),
        Format::MessagePack => value
            .serialize(&mut rmp_serde::Serializer::new(out).with_struct_map())
            .map_err(PayloadError::new),
        Format::Cbor => cbor4ii::serde::to_writer(out, &value).map_err(PayloadError::new),
    }
}

/// A list without items.
pub(super) fn empty_list(format: Format) -> Bytes {
    Bytes::from_static(match format {
        Format::Json => b"[]",
        Format::MessagePack => &[0x90],
        Format::Cbor => &[0x80],
    })
}

/// JSON's `null`, MessagePack's and CBOR's nil.
pub(super) fn null(format: Format) -> &'static [u8] {
    match format {
        Format::Json => b"null",
        Format::MessagePack => &[0xc0],
        Format::Cbor => &[0xf6],
    }
}

/// A dictionary without entries.
pub(super) fn empty_dict(format: Format) -> Bytes {
    Bytes::from_static(match format {
        Format::Json => b"{}",
        Format::MessagePack => &[0x80],
        Format::Cbor => &[0xa0],
    })
}

/// Writes a message, element by element, at the end of a buffer.
pub(super) struct Writer<'a> {
    format: Format,
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Writer<'a> {
    /// Begins a message of so many elements.
    pub(super) fn new(format: Format, count: usize, out: &'a mut Vec<u8>) -> Self {
        debug_assert!(count <= MAX_ELEMENTS);
        // A message has at most 7 elements, so that its
        // list's head is one byte in both binary formats.
        let few = u8::try_from(count).unwrap_or(0);
        out.push(match format {
            Format::Json => b'[',
            Format::MessagePack => 0x90 | few,
            Format::Cbor => 0x80 | few,
        });
        Writer {
            format,
            out,
            first: true,
        }
    }

    /// Continues with a message that has been begun elsewhere.
    pub(super) fn go_on(format: Format, out: &'a mut Vec<u8>) -> Self {
        Writer {
            format,
            out,
            first: false,
        }
    }

    fn element(&mut self) -> &mut Vec<u8> {
        if !self.first && self.format == Format::Json {
            self.out.push(b',');
        }
        self.first = false;
        self.out
    }

    pub(super) fn number(&mut self, number: u64) {
        let format = self.format;
        let out = self.element();
        match format {
            Format::Json => json::number(out, number),
            Format::MessagePack => msgpack::number(out, number),
            Format::Cbor => cbor::number(out, number),
        }
    }

    pub(super) fn text(&mut self, text: &str) -> Result<(), PayloadError> {
        let format = self.format;
        write_to(format, text, self.element())
    }

    pub(super) fn dict(&mut self, dict: &Dict) -> Result<(), PayloadError> {
        let format = self.format;
        let out = self.element();
        if dict.is_empty() {
            out.extend_from_slice(&empty_dict(format));
            return Ok(());
        }
        write_to(format, dict, out)
    }

    /// An element that is in this format already.
    pub(super) fn raw(&mut self, element: &[u8]) {
        self.element().extend_from_slice(element);
    }

    pub(super) fn end(self) {
        if self.format == Format::Json {
            self.out.push(b']');
        }
    }
}

/// A number as the wire has it, its highest byte first.
fn big_endian(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}
