//! Reading a message, element by element.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use super::codec::{self, Elements};
use super::encode::Chain;
use super::error::{DecodeError, DecodeErrorKind, PayloadError};
use super::format::Format;
use super::kind::RequestKind;
use super::payload::{LARGE, Payload};
use super::rules::{self, Rule};
use super::uris::{Match, Uri};
use super::{Dict, Id, MAX_DICT, MAX_ENTRIES, Value};

/// The type of a message's element.
pub(super) trait Field: Sized {
    /// Reads the next element; `what` names it in an error.
    fn read(reader: &mut Reader<'_>, what: &str, rules: &[Rule]) -> Result<Self, DecodeError>;

    /// Writes it.
    fn write<'a>(&self, chain: Chain<'a>) -> Result<Chain<'a>, PayloadError>;
}

impl Field for Id {
    fn read(reader: &mut Reader<'_>, what: &str, _: &[Rule]) -> Result<Self, DecodeError> {
        let index = reader.next();
        let id = reader
            .parts
            .id(index, what)
            .map_err(DecodeError::malformed)?;
        reader.id.get_or_insert(id);
        Ok(id)
    }

    fn write<'a>(&self, chain: Chain<'a>) -> Result<Chain<'a>, PayloadError> {
        Ok(chain.id(*self))
    }
}

impl Field for String {
    fn read(reader: &mut Reader<'_>, what: &str, _: &[Rule]) -> Result<Self, DecodeError> {
        let index = reader.next();
        let text = reader.parts.text(index, what);
        Ok(text.map_err(DecodeError::malformed)?.into_owned())
    }

    fn write<'a>(&self, chain: Chain<'a>) -> Result<Chain<'a>, PayloadError> {
        chain.text(self)
    }
}

impl Field for Dict {
    fn read(reader: &mut Reader<'_>, what: &str, rules: &[Rule]) -> Result<Self, DecodeError> {
        let index = reader.next();
        let dict = reader
            .parts
            .dict(index, what, rules)
            .map_err(DecodeError::malformed)?;
        reader.learn(&dict)?;
        Ok(dict)
    }

    fn write<'a>(&self, chain: Chain<'a>) -> Result<Chain<'a>, PayloadError> {
        chain.dict(self)
    }
}

impl Field for Uri {
    fn read(reader: &mut Reader<'_>, what: &str, _: &[Rule]) -> Result<Self, DecodeError> {
        let index = reader.next();
        let text = reader
            .parts
            .text(index, what)
            .map_err(DecodeError::malformed)?;
        match Uri::pattern(&text, reader.matching) {
            Some(uri) => Ok(uri),
            None if reader.mends_uris => Ok(Uri::mended(&text)),
            None => Err(reader.invalid_uri(&text, what)),
        }
    }

    fn write<'a>(&self, chain: Chain<'a>) -> Result<Chain<'a>, PayloadError> {
        chain.text(self)
    }
}

impl Field for RequestKind {
    fn read(reader: &mut Reader<'_>, what: &str, _: &[Rule]) -> Result<Self, DecodeError> {
        let index = reader.next();
        let code = reader.parts.value(index, what);
        reader.mends_uris = true;
        code.map_err(DecodeError::malformed)?
            .as_u64()
            .and_then(RequestKind::from_code)
            .ok_or_else(|| {
                DecodeError::malformed(format!("the {what} is none that an error answers"))
            })
    }

    fn write<'a>(&self, chain: Chain<'a>) -> Result<Chain<'a>, PayloadError> {
        Ok(chain.number(self.code()))
    }
}

/// Reads the elements of one message in their order, and remembers what later ones depend on.
pub(super) struct Reader<'a> {
    parts: &'a Parts<'a>,
    /// What an ERROR would answer, if this is a request.
    kind: Option<RequestKind>,
    /// The first element of the payload, in a message that may have one.
    payload_at: Option<usize>,
    next: usize,
    /// The message's first id: of a request, its own.
    id: Option<Id>,
    matching: Match,
    /// Whether a PUBLISH wants an answer.
    acknowledge: bool,
    /// Whether the options say that the payload is sealed.
    sealed: bool,
    /// An ERROR tells somebody what happened: a URI
    /// that is none is no reason to keep that from him.
    pub(super) mends_uris: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        parts: &'a Parts<'a>,
        kind: Option<RequestKind>,
        elements: usize,
        has_payload: bool,
    ) -> Self {
        Reader {
            parts,
            kind,
            payload_at: has_payload.then_some(elements),
            // The first is the message's code.
            next: 1,
            id: None,
            matching: Match::Exact,
            acknowledge: false,
            sealed: false,
            mends_uris: false,
        }
    }

    fn next(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    /// An element that is this number.
    pub(super) fn expect_number(&mut self, number: u64) -> Result<(), DecodeError> {
        let index = self.next();
        let value = self.parts.value(index, "request id");
        match value.map_err(DecodeError::malformed)?.as_u64() {
            Some(found) if found == number => Ok(()),
            _ => Err(DecodeError::malformed(format!(
                "the request id is {number} where the router took something away"
            ))),
        }
    }

    /// Remembers which options the elements after them depend on.
    fn learn(&mut self, dict: &Dict) -> Result<(), DecodeError> {
        match self.kind {
            Some(RequestKind::Subscribe | RequestKind::Register) => {
                let word = dict.str("match").and_then(Match::from_word);
                self.matching = word.unwrap_or_default();
            }
            Some(RequestKind::Publish) => self.acknowledge = dict.flag("acknowledge"),
            _ => {}
        }
        if self.payload_at.is_some() {
            rules::check(dict, rules::PAYLOAD).map_err(DecodeError::malformed)?;
            self.sealed = dict.str(rules::ENC_ALGO).is_some();
        }
        Ok(())
    }

    /// A request with an incorrect URI is answered, if all else of it is well-formed.
    fn invalid_uri(&self, text: &str, what: &str) -> DecodeError {
        let (Some(kind), Some(id)) = (self.kind, self.id) else {
            return DecodeError::malformed(format!("the {what} {}", not_a_uri(text)));
        };
        if let Err(error) = self.payload() {
            return error;
        }
        let kind = match kind {
            RequestKind::Publish if !self.acknowledge => DecodeErrorKind::Unanswered,
            _ => DecodeErrorKind::InvalidUri(kind, id),
        };
        DecodeError {
            kind,
            message: not_a_uri(text),
        }
    }

    /// The arguments; empty in a message that has none.
    pub(super) fn payload(&self) -> Result<Payload, DecodeError> {
        match self.payload_at {
            Some(index) => self
                .parts
                .payload(index, self.sealed)
                .map_err(DecodeError::malformed),
            None => Ok(Payload::default()),
        }
    }
}

/// What is wrong with a text; a long one is not repeated.
fn not_a_uri(text: &str) -> String {
    let most = Uri::MAX_LENGTH;
    match text.len() {
        length if length > most => format!("has {length} bytes; a URI has at most {most}"),
        _ => format!("{text:?} is not a URI"),
    }
}

/// The elements of a message that is being read.
pub(super) struct Parts<'a> {
    pub(super) format: Format,
    pub(super) bytes: &'a Bytes,
    pub(super) elements: &'a Elements,
}

impl Parts<'_> {
    fn element(&self, index: usize) -> Option<&[u8]> {
        let span = self.elements.get(index)?;
        self.bytes.get(span)
    }

    fn value(&self, index: usize, what: &str) -> Result<Value, String> {
        let element = self
            .element(index)
            .ok_or_else(|| format!("the {what} is missing"))?;
        codec::read(self.format, element).map_err(|error| format!("the {what}: {error}"))
    }

    /// The message's type.
    pub(super) fn code(&self) -> Result<u64, String> {
        let code = self.number(0, "type")?;
        code.ok_or_else(|| "a message begins with its type".to_string())
    }

    /// A whole number that is not negative; `None` where something else is.
    fn number(&self, index: usize, what: &str) -> Result<Option<u64>, String> {
        // Each message has one to three, and nearly all are nothing but digits.
        let plain = self
            .element(index)
            .and_then(|element| codec::plain_number(self.format, element));
        match plain {
            Some(number) => Ok(Some(number)),
            None => Ok(self.value(index, what)?.as_u64()),
        }
    }

    fn id(&self, index: usize, what: &str) -> Result<Id, String> {
        self.number(index, what)?
            .and_then(Id::new)
            .ok_or_else(|| format!("the {what} is not a whole number from 1 to 2^53"))
    }

    fn text(&self, index: usize, what: &str) -> Result<Cow<'_, str>, String> {
        // A URI has nothing to unescape: it is lent, not copied.
        let plain = self
            .element(index)
            .and_then(|element| codec::plain_text(self.format, element));
        if let Some(text) = plain {
            return Ok(Cow::Borrowed(text));
        }
        // In JSON even a text that would stand for bytes elsewhere is the text that it is.
        let text = match self.format {
            Format::Json => self
                .element(index)
                .and_then(|element| codec::read(self.format, element).ok()),
            _ => match self.value(index, what)? {
                Value::String(text) => Some(text),
                _ => None,
            },
        };
        text.map(Cow::Owned)
            .ok_or_else(|| format!("the {what} is not a string"))
    }

    fn dict(&self, index: usize, what: &str, rules: &[Rule]) -> Result<Dict, String> {
        let empty = codec::empty_dict(self.format);
        let dict = match self.element(index) {
            // Most are, and there is nothing to read.
            Some(element) if *element == *empty => Value::Dict(Dict::new()),
            Some(element) if element.len() > MAX_DICT => {
                return Err(format!("the {what} are longer than {MAX_DICT} bytes"));
            }
            _ => self.value(index, what)?,
        };
        let dict = match dict {
            Value::Dict(dict) => dict,
            // Some clients write null where they have none.
            Value::Null => Dict::new(),
            _ => return Err(format!("the {what} are not a dictionary")),
        };
        if dict.len() > MAX_ENTRIES {
            return Err(format!("the {what} have more than {MAX_ENTRIES} entries"));
        }
        rules::check(&dict, rules).map_err(|error| format!("the {what}: {error}"))?;
        Ok(dict)
    }

    /// A part of the message, to be kept. One that is small next to a large message does not keep
    /// the whole of it: in JSON all else may be white space.
    fn slice(&self, span: Range<usize>) -> Bytes {
        if self.bytes.len() > LARGE && span.len() < self.bytes.len() / 2 {
            return Bytes::copy_from_slice(&self.bytes[span]);
        }
        self.bytes.slice(span)
    }

    /// The arguments from an element on; a sealed payload where the options said so.
    fn payload(&self, index: usize, sealed: bool) -> Result<Payload, String> {
        if sealed && self.elements.len() == index + 1 {
            let span = self.elements.get(index).unwrap_or_default();
            let bytes = self.bytes.slice(span);
            if codec::first_count(self.format, &bytes).is_none() {
                let sealed = Payload::from_parts(self.format, bytes, Bytes::new());
                let readable = sealed.sealed().map_err(|error| error.to_string())?;
                readable.ok_or("the payload is not a string and no bytes")?;
                return Ok(sealed);
            }
        }
        let part = |index: usize, container: codec::Container| {
            let Some(span) = self.elements.get(index) else {
                return Ok(Bytes::new());
            };
            let bytes = self.slice(span);
            match codec::first_count(self.format, &bytes) {
                Some((found, _)) if found == container => Ok(bytes),
                // As for the options.
                None if *bytes == *codec::null(self.format) => Ok(Bytes::new()),
                _ => Err(match container {
                    codec::Container::List => "the positional arguments are not a list".to_string(),
                    codec::Container::Dict => {
                        "the keyword arguments are not a dictionary".to_string()
                    }
                }),
            }
        };
        let mut args = part(index, codec::Container::List)?;
        let kwargs = part(index + 1, codec::Container::Dict)?;
        if args.is_empty() && !kwargs.is_empty() {
            args = codec::empty_list(self.format);
        }
        if !kwargs.is_empty() && !codec::keys_are_text(self.format, &kwargs) {
            return Err("a keyword is not a string".to_string());
        }
        Ok(Payload::from_parts(self.format, args, kwargs))
    }
}
