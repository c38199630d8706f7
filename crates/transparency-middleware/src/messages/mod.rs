//! WAMP's messages: what they are, how they become bytes and are read from bytes. No I/O.
//!
//! [`Message`] is a message whose form has been checked: the number and the
//! types of its elements, the range of ids, the form of URIs, and the type of
//! each option that the specification names. What it does not name stays in the
//! options as it came. The application's arguments are not read ([`Payload`]).
//!
//! | module | holds |
//! |---|---|
//! | [`table`] | the messages, a row each: types, codes, names, reading and writing |
//! | [`kind`] | the requests that an ERROR may answer |
//! | [`decode`], [`encode`] | reading and writing a message, element by element |
//! | [`codec`] | the three serializations of an element |
//! | [`format`](mod@format) | which of the three |
//! | [`payload`] | the application's arguments |
//! | [`value`] | options and details |
//! | [`rules`] | the types of options that the specification names |
//! | [`uris`], [`ids`] | names and numbers |
//! | [`error`] | why bytes are not a message, or values not a payload |

mod codec;
mod decode;
mod encode;
mod error;
mod format;
mod ids;
mod kind;
mod payload;
mod rules;
mod table;
mod uris;
mod value;

use bytes::Bytes;

use decode::Parts;
use table::name_of;

pub use codec::MAX_DEPTH;
pub use encode::EventRest;
pub use error::{DecodeError, DecodeErrorKind, PayloadError};
pub use format::Format;
pub use ids::{Id, SessionIds};
pub use kind::RequestKind;
pub use payload::Payload;
pub use table::Message;
pub use uris::{CancelMode, Invoke, Match, Uri, known};
pub use value::{Dict, Value};

/// The longest options, details or extra that are read, in bytes as they came. Unlike arguments
/// they become values, which take up to some 30 times their bytes. A list of 10,000 sessions fits.
pub const MAX_DICT: usize = 256 * 1024;

/// The most options, details or extra: each is looked for among all.
pub const MAX_ENTRIES: usize = 1_000;

impl Message {
    /// Reads a message. Its payload borrows from `bytes`: nothing is copied.
    ///
    /// # Errors
    ///
    /// When the bytes are not exactly one message.
    pub fn decode(format: Format, bytes: &Bytes) -> Result<Self, DecodeError> {
        let elements = codec::split(format, bytes).map_err(DecodeError::malformed)?;
        let parts = Parts {
            format,
            bytes,
            elements: &elements,
        };
        let code = parts.code().map_err(DecodeError::malformed)?;
        let name = name_of(code)
            .ok_or_else(|| DecodeError::malformed(format!("no message has the type {code}")))?;
        Message::read(code, &parts).map_err(|mut error| {
            error.message = format!("{name}: {}", error.message);
            error
        })
    }

    /// Writes the message at the end of a buffer; the
    /// payload is translated if it is in another format.
    ///
    /// # Errors
    ///
    /// When the payload cannot be translated (see [`Payload::to_format`]); the buffer is as it was.
    pub fn encode(&self, format: Format, out: &mut Vec<u8>) -> Result<(), PayloadError> {
        let start = out.len();
        let written = self.write(format, out);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    /// Reads a message in JSON, the content of one text frame.
    ///
    /// # Errors
    ///
    /// When the text is not exactly one message.
    pub fn from_json(text: &str) -> Result<Self, DecodeError> {
        Message::decode(Format::Json, &Bytes::copy_from_slice(text.as_bytes()))
    }

    /// Reads a message in MessagePack, the content of one binary frame.
    ///
    /// # Errors
    ///
    /// When the bytes are not exactly one message.
    pub fn from_msgpack(bytes: &[u8]) -> Result<Self, DecodeError> {
        Message::decode(Format::MessagePack, &Bytes::copy_from_slice(bytes))
    }

    /// Reads a message in CBOR, the content of one binary frame.
    ///
    /// # Errors
    ///
    /// When the bytes are not exactly one message.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, DecodeError> {
        Message::decode(Format::Cbor, &Bytes::copy_from_slice(bytes))
    }

    /// The message in JSON.
    ///
    /// # Errors
    ///
    /// When the payload came in another format and has no form in JSON.
    pub fn to_json(&self) -> Result<String, PayloadError> {
        String::from_utf8(self.to_vec(Format::Json)?).map_err(PayloadError::new)
    }

    /// The message in MessagePack.
    ///
    /// # Errors
    ///
    /// When the payload came in another format and has no form in MessagePack.
    pub fn to_msgpack(&self) -> Result<Vec<u8>, PayloadError> {
        self.to_vec(Format::MessagePack)
    }

    /// The message in CBOR.
    ///
    /// # Errors
    ///
    /// When the payload came in another format and has no form in CBOR.
    pub fn to_cbor(&self) -> Result<Vec<u8>, PayloadError> {
        self.to_vec(Format::Cbor)
    }

    fn to_vec(&self, format: Format) -> Result<Vec<u8>, PayloadError> {
        let mut out = Vec::with_capacity(128);
        self.encode(format, &mut out)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests;
